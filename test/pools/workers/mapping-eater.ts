// Has a process use nearly as many mappings as the system allows, then has pools give pages back, hole by hole.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { allocateFile, dropMapping, openUnnamedFile, overlayFile, reserve } from '@vmem-ts/mmap-helper';
import { Vmem } from '@vmem-ts/vmem-api';

export interface Eaten {
  readonly limit: number;
  /** Mappings before pools gave pages back, and after it. */
  readonly before: number;
  readonly after: number;
  /** Bytes that they gave back, and what those gave back that came last. */
  readonly purged: number;
  readonly full: number;
  readonly problems: number;
  readonly contents: string;
}

const MIB = 2 ** 20;
const PAGE = 4096;
const BLOCK = 65_536;
const dir = process.argv[2];
const limit = Number(readFileSync('/proc/sys/vm/max_map_count', 'latin1'));

function countMappings(): number {
  const fd = openSync('/proc/self/maps', 'r');
  const part = Buffer.alloc(65_536);
  let lines = 0;
  for (let read = readSync(fd, part); read > 0; read = readSync(fd, part))
    for (let at = 0; at < read; at++) if (part[at] === 10) lines++;
  closeSync(fd);
  return lines;
}

/** A pool of which every other block is live, each with its own byte in it. */
function fragmented(): { pool: Vmem; live: number[] } {
  const pool = Vmem.create(dir, 32 * MIB);
  const pointers: number[] = [];
  for (let ptr = pool.malloc(BLOCK); ptr !== 0; ptr = pool.malloc(BLOCK)) pointers.push(ptr);
  pointers.sort((a, b) => a - b);
  pool.freeMany(pointers.filter((_, i) => i % 2 === 0));
  const live = pointers.filter((_, i) => i % 2 === 1);
  live.forEach((ptr, i) => new Uint8Array(pool.buffer, ptr, BLOCK).fill(i));
  return { pool, live };
}

/** Makes every other page of a buffer a mapping of its own. */
function eat(mappings: number): SharedArrayBuffer {
  const buffer = reserve(mappings * PAGE);
  const fd = openUnnamedFile(dir);
  allocateFile(fd, 0, PAGE);
  for (let page = 1; page < mappings; page += 2) overlayFile(buffer, page * PAGE, PAGE, fd, 0, 'private');
  return buffer;
}

const pools = [1, 2, 3, 4].map(() => fragmented());
const eaten = eat(Math.floor(limit * 0.865) - countMappings());
const before = countMappings();
const given = pools.map(({ pool }) => pool.purge());
const after = countMappings();
const isKept = pools.every(({ pool, live }) =>
  live.every((ptr, i) => Buffer.alloc(BLOCK, i).equals(new Uint8Array(pool.buffer, ptr, BLOCK))),
);
const result: Eaten = {
  limit,
  before,
  after,
  purged: given.reduce((sum, bytes) => sum + bytes, 0),
  full: given.at(-1)!,
  problems: pools.reduce((sum, { pool }) => sum + pool.checkReport().problems.length, 0),
  contents: isKept ? 'kept' : 'changed',
};
for (const { pool } of pools) pool.delete();
dropMapping(eaten, 0, eaten.byteLength);
process.stdout.write(JSON.stringify(result));
