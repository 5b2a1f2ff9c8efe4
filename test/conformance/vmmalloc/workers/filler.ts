// Fills the pool and empties it, and prints what its file system has in use meanwhile.

import { writeSync } from 'node:fs';
import { free, malloc } from '@vmem-ts/vmem-api/vmmalloc';
import { usedBytes } from '../../../support/disk-usage';

const [dir = '', signal] = process.argv.slice(2);
const blocks = [malloc(100)];
const start = usedBytes(dir);
for (let ptr = malloc(100_000); ptr !== 0; ptr = malloc(100_000)) blocks.push(ptr);
const full = usedBytes(dir);
for (const ptr of blocks) free(ptr);
const freed = usedBytes(dir);
writeSync(1, JSON.stringify({ start, full, freed }));
if (signal !== undefined) process.kill(process.pid, signal);
