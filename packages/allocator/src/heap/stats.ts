// Figures of a heap, from counters that only slow paths keep. Each class is read under its bin's lock; the
// caches of running threads are read without, so a block on its way may be counted as live or as cached.

import { PAGE_SIZE, asSizeClass, pageToWord } from '../base/units';
import { Bin, Extents, binAt } from '../layout/region-layout';
import { SLAB_SHAPES } from '../slab/size-classes';
import type { HeapParts } from './parts';

/** Blocks of one size class. */
export interface ClassStats {
  /** Bytes of a block. */
  readonly size: number;
  readonly slabs: number;
  /** Blocks in callers' hands. */
  readonly live: number;
  /** Blocks in thread caches. */
  readonly cached: number;
  /** Blocks that wait in slabs. */
  readonly free: number;
  /** Since the heap was created: moves of blocks from slabs to caches, back, slabs made, slabs given back. */
  readonly refills: number;
  readonly flushes: number;
  readonly slabsMade: number;
  readonly slabsReleased: number;
}

/** All sizes in bytes. `size` = `live` + `cached` + `slabFree` + `pagesFree` + `overhead`. */
export interface HeapStats {
  readonly size: number;
  /** Usable bytes of all blocks in callers' hands. */
  readonly live: number;
  readonly liveBlocks: number;
  /** Blocks that wait in thread caches. */
  readonly cached: number;
  /** Blocks that wait in slabs. */
  readonly slabFree: number;
  /** Pages that nothing uses. */
  readonly pagesFree: number;
  /** The heap's own data, and the ends of slabs that hold no block. */
  readonly overhead: number;
  /** Threads attached. */
  readonly threads: number;
  /** Size classes, all of them, by size. */
  readonly classes: readonly ClassStats[];
  /** Blocks of whole pages. */
  readonly large: { readonly blocks: number; readonly bytes: number };
}

export function collectStats(core: HeapParts): HeapStats {
  const { i32 } = core.region;
  const classes = SLAB_SHAPES.map((_, i) => classStats(core, i));
  const sum = (bytes: (stats: ClassStats) => number): number => classes.reduce((n, c) => n + bytes(c), 0);
  core.extents.lock();
  const large = { blocks: i32[Extents.largeExtents], bytes: i32[Extents.largePages] * PAGE_SIZE };
  const pagesFree = i32[Extents.freePages] * PAGE_SIZE;
  core.extents.unlock();
  const live = sum((c) => c.live * c.size) + large.bytes;
  const cached = sum((c) => c.cached * c.size);
  const slabFree = sum((c) => c.free * c.size);
  return {
    size: core.region.size,
    live,
    liveBlocks: sum((c) => c.live) + large.blocks,
    cached,
    slabFree,
    pagesFree,
    overhead: core.region.size - live - cached - slabFree - pagesFree,
    threads: core.slots.attachedCount(),
    classes,
    large,
  };
}

function classStats(core: HeapParts, index: number): ClassStats {
  const { i32 } = core.region;
  const sizeClass = asSizeClass(index);
  const { size, blocks } = SLAB_SHAPES[index];
  const bin = binAt(index);
  core.bins.lock(sizeClass);
  const slabs = i32[bin + Bin.slabCount];
  const free = i32[bin + Bin.freeBlocks];
  let cached = 0;
  for (let slot = 0; slot < core.slots.count; slot++) {
    const page = core.slots.cachePage(slot);
    if (page > 0 && page < core.region.pages && core.slots.inUse(slot)) {
      cached += i32[pageToWord(page) + core.cacheLayout.heights + index];
    }
  }
  const stats = {
    size,
    slabs,
    live: slabs * blocks - free - cached,
    cached,
    free,
    refills: i32[bin + Bin.refills],
    flushes: i32[bin + Bin.flushes],
    slabsMade: i32[bin + Bin.slabsMade],
    slabsReleased: i32[bin + Bin.slabsReleased],
  };
  core.bins.unlock(sizeClass);
  return stats;
}
