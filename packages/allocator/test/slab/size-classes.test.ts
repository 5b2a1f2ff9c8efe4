import {
  CLASS_COUNT,
  CLASS_RECIPROCAL,
  CLASS_SIZE,
  MAX_SLAB_BLOCK,
  MAX_SLAB_PAGES,
  MAX_STATE_LINES,
  QUANTUM,
  SLAB_SHAPES,
  alignedClassFor,
  classTable,
} from '#src/slab/size-classes';
import { MAX_SLOTS, cachedBy, liveIn } from '#src/layout/block-state';
import { Extents, MAX_CLASSES } from '#src/layout/region-layout';

/** Granules of regions from 16 GiB to 1 TiB; a granule is at most 512 bytes there. */
const GRANULES = [8, 16, 32, 64, 128, 256, 512, 1024, 2048];
const table = classTable(QUANTUM);
const classFor = (size: number): number => table[(size + QUANTUM - 1) >> 3];

test('every size gets the smallest class that holds it', () => {
  for (let size = 0; size <= MAX_SLAB_BLOCK; size++) {
    const sizeClass = classFor(size);
    expect(CLASS_SIZE[sizeClass] >= size && (sizeClass === 0 || CLASS_SIZE[sizeClass - 1] < size)).toBe(true);
  }
});

test('classes ascend by whole quanta from the quantum to the largest block', () => {
  expect(CLASS_SIZE[0]).toBe(QUANTUM);
  expect(CLASS_SIZE[CLASS_COUNT - 1]).toBe(MAX_SLAB_BLOCK);
  CLASS_SIZE.forEach((size, i) => {
    expect(size % QUANTUM).toBe(0);
    if (i > 0) expect(size).toBeGreaterThan(CLASS_SIZE[i - 1]);
  });
});

test('rounding up to a class wastes at most 11 % of the block above 72 bytes, and 4 % on average', () => {
  let waste = 0;
  for (let size = 73; size <= MAX_SLAB_BLOCK; size++) {
    const block = CLASS_SIZE[classFor(size)];
    expect(Math.round((100 * (block - size)) / block)).toBeLessThanOrEqual(11);
    waste += (block - size) / block;
  }
  expect(Math.round((100 * waste) / (MAX_SLAB_BLOCK - 72))).toBeLessThanOrEqual(4);
});

test('every power of two up to the largest block is a class, so aligned requests of any size have one', () => {
  for (let size = QUANTUM; size <= MAX_SLAB_BLOCK; size *= 2) expect([...CLASS_SIZE]).toContain(size);
});

test.each(SLAB_SHAPES)('the slab of $size-byte blocks keeps the limits of the layout', (shape) => {
  const { size, pages, blocks, lines } = shape;
  expect(pages).toBeGreaterThanOrEqual(1);
  expect(pages).toBeLessThanOrEqual(MAX_SLAB_PAGES);
  expect(pages * 4096).toBeLessThanOrEqual(2 ** 16);
  expect(blocks).toBe(Math.floor((pages * 4096) / size));
  expect(blocks).toBeGreaterThanOrEqual(4);
  expect(blocks).toBeLessThanOrEqual(512);
  expect(lines).toBe(Math.ceil(blocks / 64));
  expect(lines).toBeLessThanOrEqual(MAX_STATE_LINES);
  expect((pages * 4096 - blocks * size) / (pages * 4096)).toBeLessThan(0.12);
});

test('tables of the region have room for every class, run length and slot', () => {
  expect(CLASS_COUNT).toBeLessThanOrEqual(MAX_CLASSES);
  expect(MAX_STATE_LINES).toBeLessThan(Extents.end - Extents.statePageHeads);
  expect(Math.max(liveIn(MAX_SLOTS - 1), cachedBy(MAX_SLOTS - 1))).toBeLessThanOrEqual(255);
  expect(CLASS_COUNT).toBeLessThan(128); // of the page map's word for a class and its sharing
});

test('the reciprocal finds the block of every offset in every slab, and no block where none begins', () => {
  for (const { size, pages } of SLAB_SHAPES) {
    const reciprocal = CLASS_RECIPROCAL[SLAB_SHAPES.findIndex((shape) => shape.size === size)];
    let wrong = 0;
    for (let offset = 0; offset < pages * 4096; offset++) {
      const index = Math.imul(offset, reciprocal) >>> 16;
      const found = index * size === offset;
      if (found !== (offset % size === 0) || (found && index !== offset / size)) wrong++;
    }
    expect({ size, wrong }).toEqual({ size, wrong: 0 });
  }
});

test.each(GRANULES)('with granules of %p bytes every size gets a class of whole granules', (granule) => {
  const classes = classTable(granule);
  expect(classes).toHaveLength(MAX_SLAB_BLOCK / QUANTUM + 1);
  classes.forEach((sizeClass, i) => {
    const block = CLASS_SIZE[sizeClass];
    const fits = (size: number): boolean => size >= i * QUANTUM && size % granule === 0;
    expect(block).toBe(CLASS_SIZE.find(fits));
  });
});

test.each(GRANULES.slice(0, 7))(
  'with granules of %p bytes an aligned request gets the smallest class of that alignment, or none',
  (granule) => {
    const classes = classTable(granule);
    const sizes = [...CLASS_SIZE].filter((size) => size % granule === 0);
    for (let alignment = 1; alignment <= 2 ** 17; alignment *= 2) {
      for (let size = 0; size <= MAX_SLAB_BLOCK + 8; size += 5) {
        const best = sizes.find((block) => block >= size && block >= alignment && block % alignment === 0);
        const found = alignedClassFor(size, alignment, classes);
        const expected = alignment > 4096 || best === undefined ? -1 : CLASS_SIZE.indexOf(best);
        if (found !== expected) expect({ size, alignment, found }).toEqual({ size, alignment, expected });
      }
    }
  },
);
