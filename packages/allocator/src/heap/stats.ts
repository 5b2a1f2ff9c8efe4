// Figures of a heap, from counters that only slow paths keep and from the heights of the caches' stacks: malloc and free
// count nothing. They are read at a standstill and under every lock, so that they are those of one moment: what is
// under way is counted before or after, never half.

import { PAGE_SIZE, asSizeClass, type SizeClass } from '../base/units';
import { Bin, Extents, binAt } from '../layout/region-layout';
import { eventsCounted } from '../slab/event-count';
import { SLAB_SHAPES } from '../slab/size-classes';
import { underEveryLock } from './every-lock';
import type { HeapParts } from './parts';
import { atStandstill } from './standstill';
import { ThreadCache } from './thread-cache';

/** Blocks of one size class. */
export interface ClassStats {
  /** Bytes of a block. */
  readonly size: number;
  readonly slabs: number;
  /** Bytes of their pages. */
  readonly bytes: number;
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

/** What one attached thread keeps in its cache. */
export interface ThreadStats {
  /** Its place in the heap's table of threads. */
  readonly slot: number;
  /** True for the thread that asks. */
  readonly isCaller: boolean;
  /** False if it died and nobody has yet taken back what it had. */
  readonly isAlive: boolean;
  /** Blocks of slabs, and their bytes. */
  readonly blocks: number;
  readonly blockBytes: number;
  /** Large blocks that were freed and keep their pages, and the bytes of these. */
  readonly runs: number;
  readonly runBytes: number;
  /** Bytes of the stacks that all these are in; part of the heap's `overhead`. */
  readonly stackBytes: number;
}

/** All sizes in bytes. `backed` = `live` + `cached` + `slabFree` + `pagesFree` + `overhead`. */
export interface HeapStats {
  /** The heap's region: what it can grow to. */
  readonly size: number;
  /** What it has storage for now: the same, unless it has not grown so far, or has given pages back. */
  readonly backed: number;
  /** Usable bytes of all blocks in callers' hands. */
  readonly live: number;
  readonly liveBlocks: number;
  /** Blocks and runs of pages that wait in thread caches. */
  readonly cached: number;
  /** Blocks that wait in slabs. */
  readonly slabFree: number;
  /** Pages that nothing uses. */
  readonly pagesFree: number;
  /** The heap's own data, and the ends of slabs that hold no block. */
  readonly overhead: number;
  /** Threads attached. */
  readonly threads: number;
  /** One for each thread that has a cache. Their bytes add up to `cached`. */
  readonly perThread: readonly ThreadStats[];
  /** Size classes, all of them, by size. */
  readonly classes: readonly ClassStats[];
  /** Blocks of whole pages. */
  readonly large: { readonly blocks: number; readonly bytes: number };
}

export function collectStats(core: HeapParts): HeapStats {
  return atStandstill(core, () => {
    const caches = cachesInUse(core);
    return underEveryLock(core, () => {
      const classes = SLAB_SHAPES.map((_, i) => classStats(core, asSizeClass(i), caches));
      return summary(core, classes, caches);
    });
  });
}

/** The cache of each slot in use that has one. At a standstill. */
function cachesInUse(core: HeapParts): Map<number, ThreadCache> {
  const caches = new Map<number, ThreadCache>();
  for (let slot = 0; slot < core.slots.count; slot++) {
    const cache = core.slots.inUse(slot) ? ThreadCache.of(core, slot) : undefined;
    if (cache === undefined) continue;
    if (slot !== core.slot && core.slots.isTorn(slot)) cache.rebuild(); // its thread died in the middle of something
    caches.set(slot, cache);
  }
  return caches;
}

function summary(
  core: HeapParts,
  classes: readonly ClassStats[],
  caches: ReadonlyMap<number, ThreadCache>,
): HeapStats {
  const sum = (bytes: (stats: ClassStats) => number): number => classes.reduce((n, c) => n + bytes(c), 0);
  const { i32, size, backedSize: backed } = core.region;
  const perThread = [...caches].map(([slot, cache]) => threadStats(core, slot, cache));
  const runs = perThread.reduce((n, thread) => n + thread.runs, 0);
  const runBytes = perThread.reduce((n, thread) => n + thread.runBytes, 0);
  const large = {
    blocks: i32[Extents.largeExtents] - runs,
    bytes: i32[Extents.largePages] * PAGE_SIZE - runBytes,
  };
  const live = sum((c) => c.live * c.size) + large.bytes;
  const cached = sum((c) => c.cached * c.size) + runBytes;
  const slabFree = sum((c) => c.free * c.size);
  const pagesFree = i32[Extents.freePages] * PAGE_SIZE;
  return {
    size,
    backed,
    live,
    liveBlocks: sum((c) => c.live) + large.blocks,
    cached,
    slabFree,
    pagesFree,
    overhead: backed - live - cached - slabFree - pagesFree,
    threads: core.slots.attachedCount(),
    perThread,
    classes,
    large,
  };
}

function threadStats(core: HeapParts, slot: number, cache: ThreadCache): ThreadStats {
  let blocks = 0;
  let blockBytes = 0;
  SLAB_SHAPES.forEach(({ size }, i) => {
    const count = cache.blocksOf(asSizeClass(i));
    blocks += count;
    blockBytes += count * size;
  });
  const runs = cache.countRuns();
  return {
    slot,
    isCaller: slot === core.slot,
    isAlive: core.slots.mayRun(slot),
    blocks,
    blockBytes,
    runs: runs.runs,
    runBytes: runs.pages * PAGE_SIZE,
    stackBytes: core.cacheLayout.pages * PAGE_SIZE,
  };
}

function classStats(
  core: HeapParts,
  sizeClass: SizeClass,
  caches: ReadonlyMap<number, ThreadCache>,
): ClassStats {
  const { i32 } = core.region;
  const { size, blocks, pages } = SLAB_SHAPES[sizeClass];
  const bin = binAt(sizeClass);
  let cached = 0;
  for (const cache of caches.values()) cached += cache.blocksOf(sizeClass);
  const slabs = i32[bin + Bin.slabCount];
  const free = i32[bin + Bin.freeBlocks];
  return {
    size,
    slabs,
    bytes: slabs * pages * PAGE_SIZE,
    live: slabs * blocks - free - cached,
    cached,
    free,
    refills: eventsCounted(i32, bin + Bin.refills),
    flushes: eventsCounted(i32, bin + Bin.flushes),
    slabsMade: eventsCounted(i32, bin + Bin.slabsMade),
    slabsReleased: eventsCounted(i32, bin + Bin.slabsReleased),
  };
}
