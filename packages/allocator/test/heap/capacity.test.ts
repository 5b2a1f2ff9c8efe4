// How much of a heap callers get before memory is out. What is more than these parts is margin for the format to change in.

import { Heap } from '@vmem-ts/allocator';
import { SLAB_SHAPES } from '#src/slab/size-classes';
import { ModelHeap } from '../support/model-heap';
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

/** A heap of 4 MiB full of blocks of 5 pages, of which it frees every `nth`. */
function holesOfFivePages(nth: number): Heap {
  const heap = Heap.create(new SharedArrayBuffer(4 << 20));
  const blocks: number[] = [];
  for (let ptr = heap.malloc(20_480); ptr !== 0; ptr = heap.malloc(20_480)) blocks.push(ptr);
  for (let i = 0; i < blocks.length; i += nth) heap.free(blocks[i]);
  return heap;
}

describe('where half of all pages are free, but never more than five in a row', () => {
  test('a block of any size up to that is to be had, and many are', () => {
    for (const size of [0, ...SLAB_SHAPES.map((shape) => shape.size)]) {
      const heap = holesOfFivePages(2);
      const model = new ModelHeap(heap);
      const count = Math.floor((3 << 18) / (Math.max(1, Math.ceil(size / 4096)) * 5120)); // at most a hole for each
      for (let i = 0; i < count; i++) expect(model.malloc(size)).toBeGreaterThan(0);
      const out = new Float64Array(20);
      expect(heap.mallocMany(size, 20, out)).toBe(20);
      heap.freeMany(out);
      expect(heap.checkReport().problems).toEqual([]);
      model.freeAll();
      expect(heap.checkReport().problems).toEqual([]);
      heap.close();
    }
  });

  test('an aligned one, too', () => {
    const heap = holesOfFivePages(2);
    const wrong = SLAB_SHAPES.flatMap(({ size }) =>
      [8, 64, 512, 4096].filter((alignment) => {
        const ptr = heap.alignedAlloc(alignment, size);
        return ptr === 0 || ptr % alignment !== 0;
      }),
    );
    expect(wrong).toEqual([]);
    expect(heap.check()).toBe(1);
  });
});

test('where few pages are free, none is wasted on a block that is too small for it', () => {
  const heap = holesOfFivePages(12);
  expect(heap.malloc(448)).toBe(0);
  expect(heap.malloc(16_384)).toBe(0);
  expect(heap.malloc(512)).toBeGreaterThan(0);
});
