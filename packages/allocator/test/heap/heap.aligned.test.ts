// What alignedAlloc costs besides the block: nothing.

import { Heap } from '@vmem-ts/allocator';
import { CLASS_SIZE } from '#src/slab/size-classes';

const MIB = 1 << 20;
const PAGE = 4096;
const powers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => 2 ** (from + i));

// memory that nobody touches is not there
const heap = Heap.create(new SharedArrayBuffer(2 ** 31 - 4 * MIB), { zeroed: true });

afterEach(() => {
  expect(heap.stats()).toMatchObject({ live: 0, liveBlocks: 0 });
  expect(heap.checkReport().problems).toEqual([]);
  expect(heap.malloc(heap.size)).toBe(0); // everything goes back
});

describe.each(powers(3, 30))('at a multiple of %p', (alignment) => {
  test.each([1, 100, PAGE, 5000, 20_000, MIB, 5 * MIB + 1])(
    'a block of %p bytes takes its own pages and no more',
    (size) => {
      const before = heap.stats();
      const ptr = heap.alignedAlloc(alignment, size);
      const usable = heap.usableSize(ptr);
      expect([ptr % alignment, ptr > 0]).toEqual([0, true]);
      const after = heap.stats();
      expect(after.live).toBe(usable);
      const isInSlab = after.large.blocks === 0;
      if (isInSlab) {
        // the smallest blocks that all lie at multiples of the alignment
        expect(usable).toBe(
          CLASS_SIZE.find((each) => each >= Math.max(size, alignment) && each % alignment === 0),
        );
      } else {
        expect(usable).toBe(Math.ceil(size / PAGE) * PAGE);
        expect(before.pagesFree - after.pagesFree).toBe(usable);
        expect(after.overhead).toBe(before.overhead);
      }
      heap.free(ptr);
    },
  );

  test('the largest block that there is room for can be had', () => {
    const all = heap.malloc(heap.stats().pagesFree);
    const end = all + heap.usableSize(all);
    heap.free(all);
    const start = Math.ceil(all / Math.max(alignment, PAGE)) * Math.max(alignment, PAGE);
    expect(heap.alignedAlloc(alignment, end - start + 1)).toBe(0);
    expect(heap.alignedAlloc(alignment, end - start)).toBe(start);
    heap.free(start);
  });

  test('what lies beside the blocks can be had', () => {
    const count = Math.min(20, Math.floor(heap.size / Math.max(alignment, 64 * 1024)) - 1);
    const blocks = Array.from({ length: count }, () => heap.alignedAlloc(alignment, 50_000));
    expect(blocks).not.toContain(0);
    const { pagesFree } = heap.stats();
    const rest: number[] = [];
    for (let size = pagesFree; size >= PAGE; size = Math.min(size, heap.stats().pagesFree)) {
      const ptr = heap.malloc(Math.max(size, 17_000));
      if (ptr !== 0) rest.push(ptr);
      else size = Math.floor(size / 2);
    }
    const { pagesFree: left } = heap.stats();
    // less than five pages each, which no large block fits
    expect(left).toBeLessThan((count + 2) * 5 * PAGE);
    heap.freeMany([...blocks, ...rest]);
  });
});
