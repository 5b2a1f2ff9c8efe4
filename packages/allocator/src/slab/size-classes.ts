// The sizes of slab blocks and the shape of the slab of each: fixed for a version of the region format.
//
// Spacing: every 8 bytes up to 128, then 8 classes to a doubling, so a request wastes at most 11 % above 72
// bytes, 4 % on average. Larger requests than the last class take whole pages.

import { PlainBytes } from '../base/built-in';
import { LINE_SIZE, PAGE_SIZE } from '../base/units';

export const QUANTUM = 8;
export const MAX_SLAB_BLOCK = 16384;
/** Slab offsets are below 2^16, which keeps `offset * reciprocal` exact and within 31 bits (see below). */
export const MAX_SLAB_PAGES = 16;
const MAX_SLAB_BLOCKS = 512;
/** Accepted loss of a slab to its tail and to the rounding of its states, if no smaller slab does better. */
const GOOD_WASTE = 0.016;

/** Shape of one class's slabs. */
export interface SlabShape {
  /** Block size in bytes, a multiple of 8. */
  readonly size: number;
  /** Pages of a slab, 1 to 16. */
  readonly pages: number;
  /** Blocks of a slab. */
  readonly blocks: number;
  /** Lines of 64 bytes that hold the states of the slab's blocks. */
  readonly lines: number;
}

function blockSizes(): number[] {
  const sizes: number[] = [];
  for (let size = QUANTUM; size <= MAX_SLAB_BLOCK;) {
    sizes.push(size);
    size += size < 128 ? QUANTUM : 2 ** (Math.floor(Math.log2(size)) - 3);
  }
  return sizes;
}

function shapeFor(size: number): SlabShape {
  const fewest = size <= 2048 ? 8 : 4;
  let best: SlabShape | undefined;
  let bestWaste = Infinity;
  for (let pages = 1; pages <= MAX_SLAB_PAGES; pages++) {
    const blocks = Math.floor((pages * PAGE_SIZE) / size);
    if (blocks > MAX_SLAB_BLOCKS) break;
    if (blocks < fewest && pages < MAX_SLAB_PAGES) continue;
    const lines = Math.ceil(blocks / LINE_SIZE);
    const waste = (pages * PAGE_SIZE - blocks * size + lines * LINE_SIZE - blocks) / (pages * PAGE_SIZE);
    if (waste < bestWaste) {
      best = { size, pages, blocks, lines };
      bestWaste = waste;
    }
    if (waste <= GOOD_WASTE) break;
  }
  return best!;
}

/** That of the blocks of a slab, which begins at a page. */
const alignmentOf = (size: number): number => Math.min(size & -size, PAGE_SIZE);

export const SLAB_SHAPES: readonly SlabShape[] = blockSizes().map(shapeFor);
export const CLASS_COUNT = SLAB_SHAPES.length;
/**
 * By class: the next larger one with shorter slabs and no smaller alignment, -1 if there is none. It serves where the free pages
 * lie too scattered for a slab of the class itself.
 */
export const SHORTER_CLASS: readonly number[] = SLAB_SHAPES.map(({ size, pages }) =>
  SLAB_SHAPES.findIndex(
    (other) => other.size > size && other.pages < pages && alignmentOf(other.size) >= alignmentOf(size),
  ),
);
/** Longest run of state lines that a slab needs. */
export const MAX_STATE_LINES = Math.max(...SLAB_SHAPES.map((shape) => shape.lines));

/** Made once a thread, so that attaching to another heap is quick. */
const classTables = new Map<number, Uint8Array>();

/**
 * Class of a request of `8 * i` bytes at index `i`, for a region whose granule is `granuleSize` bytes: blocks
 * are whole granules.
 */
export function classTable(granuleSize: number): Uint8Array {
  const known = classTables.get(granuleSize);
  if (known !== undefined) return known;
  const table = new PlainBytes(MAX_SLAB_BLOCK / QUANTUM + 1);
  for (let i = 0, sizeClass = 0; i < table.length; i++) {
    while (SLAB_SHAPES[sizeClass].size < i * QUANTUM || SLAB_SHAPES[sizeClass].size % granuleSize !== 0) {
      sizeClass++;
    }
    table[i] = sizeClass;
  }
  classTables.set(granuleSize, table);
  return table;
}

/** Block sizes, indexed by class. */
export const CLASS_SIZE: Int32Array = Int32Array.from(SLAB_SHAPES, (shape) => shape.size);

/**
 * `(offset * CLASS_RECIPROCAL[c]) >>> 16` is `offset / size` for every multiple `offset` of the class's size
 * within a slab. Proof: with r = ceil(2^16 / size) = (2^16 + e) / size, 0 <= e < size, the product for
 * offset = k * size is k * 2^16 + k * e, and k * e < k * size <= 2^16. The product is below 2^31 because
 * offset < 2^16 and r <= 2^13. For other offsets the result times the size differs from the offset.
 */
export const CLASS_RECIPROCAL: Int32Array = Int32Array.from(SLAB_SHAPES, (shape) =>
  Math.ceil(65536 / shape.size),
);

/**
 * Smallest class whose blocks hold `size` bytes and all lie at multiples of `alignment` (a power of two), or
 * -1. Slabs begin at a page, so a class serves exactly the alignments that divide its block size. `table` is
 * the region's class table.
 */
export function alignedClassFor(size: number, alignment: number, table: Uint8Array): number {
  const least = Math.max(size, alignment);
  if (least > MAX_SLAB_BLOCK || alignment > PAGE_SIZE) return -1;
  for (let quanta = (least + QUANTUM - 1) >> 3; quanta < table.length; quanta++) {
    const sizeClass = table[quanta];
    if (CLASS_SIZE[sizeClass] % alignment === 0) return sizeClass;
  }
  return -1;
}

classTable(QUANTUM); // that of nearly all heaps, when this module is loaded
