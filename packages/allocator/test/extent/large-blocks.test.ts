import { LargeBlocks } from '#src/extent/large-blocks';
import { Extents } from '#src/layout/region-layout';
import { newParts } from '../support/inner-parts';

function newBlocks(): { blocks: LargeBlocks; i32: Int32Array; counters: () => number[] } {
  const { inner, locks, extents } = newParts(4 << 20);
  extents.unlock();
  const { i32 } = inner;
  return {
    blocks: new LargeBlocks(inner.region, locks, extents),
    i32,
    counters: () => [i32[Extents.largeExtents], i32[Extents.largePages]],
  };
}

test.each([
  [1, 1],
  [4096, 1],
  [4097, 2],
  [20_000, 5],
])('a block of %p bytes takes %p pages, and gives them back', (size, pages) => {
  const { blocks, i32, counters } = newBlocks();
  const freePages = i32[Extents.freePages];
  const ptr = blocks.allocate(size, 1);
  expect(ptr % 4096).toBe(0);
  expect(blocks.usableSize(ptr)).toBe(pages * 4096);
  expect([counters(), i32[Extents.freePages]]).toEqual([[1, pages], freePages - pages]);
  expect(blocks.free(ptr)).toBe(true);
  expect([counters(), i32[Extents.freePages]]).toEqual([[0, 0], freePages]);
});

test.each([4096, 8192, 65_536, 1 << 20, 2 << 20])('a block lies at a multiple of %p', (alignment) => {
  const { blocks } = newBlocks();
  const ptr = blocks.allocate(5000, alignment);
  expect(ptr).toBeGreaterThan(0);
  expect(ptr % alignment).toBe(0);
});

test('more pages than the region has, or an alignment beyond it, give 0', () => {
  const { blocks, counters } = newBlocks();
  expect(blocks.allocate((4 << 20) + 1, 1)).toBe(0);
  expect(blocks.allocate(4 << 20, 1)).toBe(0);
  expect(blocks.allocate(2 ** 53, 1)).toBe(0);
  expect(blocks.allocate(4096, 4 << 20)).toBe(0);
  expect(blocks.allocate(4096, 2 ** 40)).toBe(0);
  expect(counters()).toEqual([0, 0]);
});

test('what is no start of a live block is neither freed, measured nor resized', () => {
  const { blocks, counters } = newBlocks();
  const ptr = blocks.allocate(20_000, 1);
  const gone = blocks.allocate(20_000, 1);
  blocks.free(gone);
  for (const wrong of [0, 4096, 8, ptr + 1, ptr + 8, ptr + 4096, gone, 4 << 20, 2 ** 40]) {
    expect(blocks.free(wrong)).toBe(false);
    expect(blocks.usableSize(wrong)).toBe(-1);
    expect(blocks.resize(wrong, 50_000)).toBe(false);
  }
  expect(counters()).toEqual([1, 5]);
});

test('a block grows and shrinks where it is as long as the pages behind it are free', () => {
  const { blocks, counters } = newBlocks();
  const wall = blocks.allocate(20_000, 1);
  const ptr = blocks.allocate(40_000, 1);
  expect(wall - ptr).toBe(40_960);
  expect(blocks.resize(ptr, 41_000)).toBe(false);
  expect(blocks.resize(ptr, 17_000)).toBe(true);
  expect([blocks.usableSize(ptr), counters()]).toEqual([20_480, [2, 10]]);
  expect(blocks.resize(ptr, 40_000)).toBe(true);
  expect([blocks.usableSize(ptr), counters()]).toEqual([40_960, [2, 15]]);
  expect(blocks.resize(ptr, 2 ** 53)).toBe(false);
});
