// Figures of a heap, from counters that only slow paths keep, read at a standstill: a running malloc or free is
// counted before or after, never half.

import { PAGE_SIZE, asSizeClass, type SizeClass } from '../base/units';
import { Bin, Extents, binAt } from '../layout/region-layout';
import { SLAB_SHAPES } from '../slab/size-classes';
import { ABANDONED } from '../sync/lock';
import type { HeapParts } from './parts';
import { atStandstill } from './standstill';
import { ThreadCache } from './thread-cache';

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
  return atStandstill(core, () => {
    const caches: ThreadCache[] = [];
    for (let slot = 0; slot < core.slots.count; slot++) {
      const cache = core.slots.inUse(slot) ? ThreadCache.of(core, slot) : undefined;
      if (cache !== undefined) caches.push(cache);
    }
    const classes = SLAB_SHAPES.map((_, i) => classStats(core, asSizeClass(i), caches));
    return summary(core, classes, caches);
  });
}

function summary(core: HeapParts, classes: readonly ClassStats[], caches: readonly ThreadCache[]): HeapStats {
  const sum = (bytes: (stats: ClassStats) => number): number => classes.reduce((n, c) => n + bytes(c), 0);
  const { runs, pagesFree } = pageStats(core);
  const cachedRuns = caches.map((cache) => cache.countRuns());
  const cachedRunBytes = cachedRuns.reduce((n, { pages }) => n + pages, 0) * PAGE_SIZE;
  const large = {
    blocks: runs.blocks - cachedRuns.reduce((n, each) => n + each.runs, 0),
    bytes: runs.bytes - cachedRunBytes,
  };
  const live = sum((c) => c.live * c.size) + large.bytes;
  const cached = sum((c) => c.cached * c.size) + cachedRunBytes;
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

/** Large blocks, live or cached, and free pages. */
function pageStats(core: HeapParts): { runs: HeapStats['large']; pagesFree: number } {
  const { i32 } = core.region;
  try {
    core.extents.lock();
    const runs = { blocks: i32[Extents.largeExtents], bytes: i32[Extents.largePages] * PAGE_SIZE };
    const pagesFree = i32[Extents.freePages] * PAGE_SIZE;
    core.extents.unlock();
    return { runs, pagesFree };
  } catch (error) {
    if (i32[Extents.lock] === core.locks.me) i32[Extents.lock] = ABANDONED;
    throw error;
  }
}

function classStats(core: HeapParts, sizeClass: SizeClass, caches: readonly ThreadCache[]): ClassStats {
  const { i32 } = core.region;
  const { size, blocks } = SLAB_SHAPES[sizeClass];
  const bin = binAt(sizeClass);
  const cached = caches.reduce((n, cache) => n + cache.blocksOf(sizeClass), 0);
  try {
    core.bins.lock(sizeClass);
    const slabs = i32[bin + Bin.slabCount];
    const free = i32[bin + Bin.freeBlocks];
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
  } catch (error) {
    if (i32[bin + Bin.lock] === core.locks.me) i32[bin + Bin.lock] = ABANDONED;
    throw error;
  }
}
