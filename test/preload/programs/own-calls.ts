// The pool's own functions, called by a program whose buffers are in that pool. Prints what they say.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { pool } from '@vmem-ts/vmem-api/vmmalloc';
import { isInPool } from './in-pool';

const kept = Array.from({ length: 300 }, (_, index) => new Uint8Array(100 + index * 37).fill(index));
const out = new Float64Array(5000);
const count = pool().mallocMany(40, 5000, out);
const blocks = [...pool().blocks()].length;
const { liveBlocks } = pool().stats();
pool().freeMany(out);

/** Whether the pool can be brought back to its file: all of it is looked at while it rests. */
async function thaw(): Promise<boolean> {
  const held = pool().malloc(40_000_000);
  const child = fork(__filename, ['child']);
  pool().view(Uint8Array, held, 10_000).fill(1); // in memory of this process alone
  const [status] = (await once(child, 'exit')) as [number | null];
  const written = pool().thaw();
  pool().free(held);
  return status === 0 && written > 0 && pool().thaw() === 0;
}

async function main(): Promise<void> {
  const isThawed = await thaw();
  const isWhole = kept.every((array, index) => array.every((byte) => byte === index % 256));
  console.log(
    JSON.stringify({
      inPool: kept.filter((array) => isInPool(array)).length,
      count,
      isWalked: Math.abs(blocks - liveBlocks) < 10 && blocks > count,
      isThawed,
      isWhole,
      check: pool().check(),
    }),
  );
}

if (process.argv[2] !== 'child') void main();
