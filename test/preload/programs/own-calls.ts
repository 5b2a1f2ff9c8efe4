// The pool's own functions, called by a program whose buffers are in that pool. Prints what they say.

import { pool } from '@vmem-ts/vmem-api/vmmalloc';
import { isInPool } from './in-pool';

const kept = Array.from({ length: 300 }, (_, index) => new Uint8Array(100 + index * 37).fill(index));
const out = new Float64Array(5000);
const count = pool().mallocMany(40, 5000, out);
const blocks = [...pool().blocks()].length;
const { liveBlocks } = pool().stats();
pool().freeMany(out);
const isWhole = kept.every((array, index) => array.every((byte) => byte === index % 256));
console.log(
  JSON.stringify({
    inPool: kept.filter((array) => isInPool(array)).length,
    count,
    isWalked: Math.abs(blocks - liveBlocks) < 10 && blocks > count,
    isWhole,
    check: pool().check(),
  }),
);
