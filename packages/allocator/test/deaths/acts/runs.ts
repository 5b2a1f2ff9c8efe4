// Runs of pages in a thread's cache.

import type { Heap } from '@vmem-ts/allocator';
import type { Scene } from '../scene';

/** Leaves runs of so many pages in the cache of a heap object. */
export function keepRuns({ heap }: Scene, by: Heap, pages: readonly number[]): void {
  const pointers = pages.map((count) => by.malloc(count * 4096));
  const { cached } = heap.stats();
  for (const ptr of pointers) by.free(ptr);
  const bytes = pages.reduce((sum, count) => sum + count * 4096, 0);
  expect(heap.stats().cached - cached).toBe(bytes);
}
