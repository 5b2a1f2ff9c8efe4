// Calls malloc and free so often that V8 compiles the caller; started with options that make V8 tell what it inlines.

import { Heap } from '@vmem-ts/allocator';

const ROUNDS = 200;
const CALLS = 1000;

export function hotCaller(heap: Heap, size: number): number {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) {
    const ptr = heap.malloc(size);
    sum += ptr;
    heap.free(ptr);
  }
  return sum;
}

const heap = Heap.create(new SharedArrayBuffer(4 << 20));
let sum = 0;
// blocks of pages are served by the slow halves, so those are hot as well
for (let round = 0; round < ROUNDS; round++) for (const size of [64, 20_000]) sum += hotCaller(heap, size);
if (!(sum > 0) || heap.check() !== 1) throw new Error('the heap is not what it should be');
