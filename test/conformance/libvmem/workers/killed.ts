// Makes a pool, writes all of its blocks, tells what the file system's files take, and is killed.

import { statfsSync, writeSync } from 'node:fs';
import { VMEM_MIN_POOL, vmem_create, vmem_malloc } from '@vmem-ts/vmem-api/libvmem';

const dir = process.argv[2];
const vmp = vmem_create(dir, VMEM_MIN_POOL)!;
const size = 8 * 2 ** 20;
new Uint8Array(vmp.buffer, vmem_malloc(vmp, size), size).fill(1);
const { blocks, bfree, bsize } = statfsSync(dir);
writeSync(1, `${(blocks - bfree) * bsize}\n`);
process.kill(process.pid, 'SIGKILL');
