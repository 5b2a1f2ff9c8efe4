// What a pool has in the place of its heap after it was deleted: every use of it is ECLOSED, as with a heap that was
// closed, and none touches the memory that the pool had or keeps it from being given back.

import { Heap, MIN_REGION } from '@vmem-ts/allocator';

let heap: Heap | undefined;

/** One for all pools of this thread. It is a Heap like others, so that pools in use stay as fast as they are. */
export function closedHeap(): Heap {
  if (heap === undefined) {
    heap = Heap.create(new SharedArrayBuffer(MIN_REGION), { threads: 1, zeroed: true });
    heap.close();
  }
  return heap;
}
