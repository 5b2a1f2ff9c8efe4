// How much of a heap callers get before memory is out. What is more than these parts is margin for the format to change in.

import { Heap } from '@vmem-ts/allocator';
import { randomFor } from '../support/random';

const SIZE = 64 << 20;
const STRETCH = 65_536;
const buffer = new SharedArrayBuffer(SIZE);

/** Fills the heap with blocks of one size; their number. */
function fill(heap: Heap, size: number): number {
  const out = new Float64Array(STRETCH);
  let count = 0;
  for (;;) {
    const got = heap.mallocMany(size, STRETCH, out);
    count += got;
    if (got < STRETCH) return count;
  }
}

test.each([
  [8, 0.85],
  [16, 0.93],
  [64, 0.96],
  [100, 0.87],
  [256, 0.97],
  [1000, 0.95],
  [4096, 0.98],
  [65_536, 0.97],
  [1_000_000, 0.97],
])('blocks of %p bytes fill %p of a heap of 64 MiB', (size, part) => {
  const heap = Heap.create(buffer);
  expect((fill(heap, size) * size) / SIZE).toBeGreaterThanOrEqual(part);
  expect(heap.malloc(size)).toBe(0);
  expect(heap.check()).toBe(1);
  heap.close();
});

test('blocks of 16 to 1,023 bytes, each doubling alike, fill .91 of it', () => {
  const random = randomFor('capacity of a mix');
  const heap = Heap.create(buffer);
  let bytes = 0;
  for (let isFull = false; !isFull;) {
    const least = 16 << random.below(6);
    const size = least + random.below(least);
    isFull = heap.malloc(size) === 0;
    if (!isFull) bytes += size;
  }
  expect(bytes / SIZE).toBeGreaterThanOrEqual(0.91);
  heap.close();
});
