import type { Heap } from '@vmem-ts/allocator';

/** Takes nearly all pages that callers get before those beyond 2 GiB, in a heap that reaches further. */
export function fillNear(heap: Heap): void {
  for (const size of [100 * 2 ** 20, 2 ** 20, 20_000]) {
    let ptr = heap.malloc(size);
    while (ptr > 0 && ptr < 2 ** 31) ptr = heap.malloc(size);
    heap.free(ptr);
  }
}
