// Where realloc leaves a block in its place, and what of its pages it gives back.

import { Heap } from '@vmem-ts/allocator';
import { exhaust } from '../support/exhaust';
import { holdsPattern, writePattern } from '../support/model-heap';

const MIB = 1 << 20;
const PAGE = 4096;
const newHeap = (bytes = 16 * MIB): Heap => Heap.create(new SharedArrayBuffer(bytes));
const memoryOf = (heap: Heap): Uint8Array => new Uint8Array(heap.buffer, heap.byteOffset, heap.size);

/** Two blocks of whole pages, the second right behind the first. */
function neighbours(heap: Heap, size: number): [number, number] {
  const [behind, first] = [heap.malloc(size), heap.malloc(size)];
  expect(first + heap.usableSize(first)).toBe(behind);
  return [first, behind];
}

describe('growth', () => {
  test('a block of whole pages grows into the free pages behind it, up to the next block and no further', () => {
    const heap = newHeap();
    const wall = heap.malloc(300_000);
    const [first, behind] = neighbours(heap, 300_000);
    heap.free(behind);
    const { pagesFree, live } = heap.stats();
    for (let size = 301_000; size <= wall - first; size += 10_000)
      expect(heap.realloc(first, size)).toBe(first);
    expect(heap.realloc(first, wall - first)).toBe(first);
    const grown = heap.stats();
    expect([pagesFree - grown.pagesFree, grown.live - live]).toEqual([74 * PAGE, 74 * PAGE]);
    expect(heap.realloc(first, wall - first + 1)).not.toBe(first);
    expect(heap.check()).toBe(1);
  });

  test.each([20_000, 100_000])(
    'also into pages of blocks of %p bytes that this thread has freed and cached',
    (size) => {
      const heap = newHeap();
      const memory = memoryOf(heap);
      const [first, behind] = neighbours(heap, size);
      writePattern(memory, first, size, 7);
      heap.free(behind);
      expect(heap.stats().perThread[0].runs).toBe(1);
      expect(heap.realloc(first, 2 * size)).toBe(first);
      expect(holdsPattern(memory, first, size, 7)).toBe(true);
      expect(heap.stats()).toMatchObject({ liveBlocks: 1, cached: 0 });
      expect(heap.check()).toBe(1);
    },
  );

  test('not into pages that another thread has cached, unless there is no other memory', () => {
    const heap = newHeap();
    const other = Heap.attach(heap.handle);
    const [first, behind] = neighbours(heap, 100_000);
    other.free(behind);
    const moved = heap.realloc(first, 150_000);
    expect(moved).not.toBe(first);
    heap.free(moved);
    const [second, next] = neighbours(heap, 2 * MIB);
    const rest = exhaust(heap, 200_000);
    heap.free(next);
    const cached = [1, 2, 3, 4, 5, 6].map(() => other.malloc(100_000));
    for (const ptr of cached) other.free(ptr);
    expect(heap.realloc(second, 4_000_000)).toBe(second);
    expect(heap.check()).toBe(1);
    expect(rest.length).toBeGreaterThan(10);
  });

  test('without memory the block stays as it was', () => {
    const heap = newHeap(MIB);
    const ptr = heap.malloc(100_000);
    exhaust(heap, PAGE);
    exhaust(heap, 8);
    expect(heap.realloc(ptr, 110_000)).toBe(0);
    expect(heap.usableSize(ptr)).toBe(25 * PAGE);
    expect(heap.check()).toBe(1);
  });
});

describe('shrinking', () => {
  test.each([
    [1_000_000, 500_000],
    [1_000_000, 16_385],
    [100_000, 50_000],
    [100_000, 99_000],
    [32_000, 16_385],
  ])('from %p to %p bytes gives the pages behind the block back to all at once', (from, to) => {
    const heap = newHeap();
    const ptr = heap.malloc(from);
    const { pagesFree, cached } = heap.stats();
    expect(heap.realloc(ptr, to)).toBe(ptr);
    const saved = (Math.ceil(from / PAGE) - Math.ceil(to / PAGE)) * PAGE;
    expect(heap.usableSize(ptr)).toBe(Math.ceil(to / PAGE) * PAGE);
    expect(heap.stats()).toMatchObject({ pagesFree: pagesFree + saved, cached });
    expect(heap.check()).toBe(1);
    heap.free(ptr);
  });

  test.each([
    [16_384, 8192, true],
    [16_384, 8191, false],
    [1000, 512, true],
    [1000, 511, false],
    [104, 52, true],
    [104, 51, false],
    [16, 8, true],
    [16, 7, false],
    [8, 1, true],
    [20_480, 10_240, true],
    [20_480, 10_239, false],
    [1_000_000, 16_384, false],
  ])('from %p to %p bytes the block stays: %p', (from, to, stays) => {
    const heap = newHeap();
    const ptr = heap.malloc(from);
    const memory = memoryOf(heap);
    writePattern(memory, ptr, to, 5);
    const next = heap.realloc(ptr, to);
    expect(next === ptr).toBe(stays);
    expect(holdsPattern(memory, next, to, 5)).toBe(true);
    expect(heap.usableSize(next)).toBeLessThanOrEqual(Math.max(8, 2.02 * to));
    expect(heap.contains(ptr)).toBe(stays);
    heap.free(next);
    expect(heap.stats().liveBlocks).toBe(0);
    expect(heap.check()).toBe(1);
  });

  test.each([100, 5000, 16_384, 20_000, 300_000])(
    'a block of %p bytes can be made smaller when memory is out',
    (size) => {
      const heap = newHeap(2 * MIB);
      let ptr = heap.malloc(size);
      const memory = memoryOf(heap);
      writePattern(memory, ptr, 8, 3);
      for (const each of [PAGE, 64, 8]) exhaust(heap, each);
      for (let to = size - 1; to >= 8; to = Math.floor(to / 3)) {
        const next = heap.realloc(ptr, to);
        expect(heap.usableSize(next)).toBeGreaterThanOrEqual(to);
        // a block of whole pages makes room for others, and may then move, too
        if (size <= 16_384 || to === size - 1) expect(next).toBe(ptr);
        ptr = next;
      }
      expect(holdsPattern(memory, ptr, 8, 3)).toBe(true);
      expect(heap.usableSize(ptr)).toBeLessThanOrEqual(Math.min(size + 1000, 16_384));
      expect(heap.check()).toBe(1);
    },
  );
});
