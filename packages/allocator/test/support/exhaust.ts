// Taking all that a heap has.

import type { Heap } from '@vmem-ts/allocator';

/** All blocks of `size` that the heap still gives; an error if it gives more than it can have. */
export function exhaust(heap: Heap, size: number): number[] {
  const pointers: number[] = [];
  for (let ptr = heap.malloc(size); ptr !== 0; ptr = heap.malloc(size)) {
    pointers.push(ptr);
    if (pointers.length > heap.size / 8)
      throw new Error(`the heap gives blocks of ${size} bytes without end`);
  }
  return pointers;
}
