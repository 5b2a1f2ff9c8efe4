// The slabs of each size class: blocks go from slabs to thread caches and back, many at a time, under the
// lock of the class's bin.
//
//   takeBlocks    refill of a cache: from the first slab that has FREE blocks, else from a new slab
//   returnBlocks  flush of a cache: each block to its slab; an empty slab's pages go back to the extents
//
// FREE + LIVE + CACHED = number of blocks, in every slab:
//
// [SLAB-1] A slab's word a counts its FREE blocks; no FREE block lies below its word b.
// [SLAB-2] A slab is in its bin's list exactly if it has a FREE block.
// [SLAB-3] A bin counts its slabs and their FREE blocks.

import {
  LINE_SIZE,
  NULL_PAGE,
  PAGE_SHIFT,
  PAGE_SIZE,
  asPage,
  asSizeClass,
  pageAfter,
  pageBefore,
  type PageIndex,
  type SizeClass,
} from '../base/units';
import { VmemError } from '../base/errors';
import type { ExtentAllocator } from '../extent/extent-allocator';
import { FREE, cachedBy } from '../layout/block-state';
import { PageLists } from '../layout/page-list';
import { PageKind } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Bin, binAt } from '../layout/region-layout';
import type { OwnedLocks } from '../sync/lock';
import { CLASS_COUNT, CLASS_RECIPROCAL, SLAB_SHAPES, type SlabShape } from './size-classes';
import type { StateStore } from './state-store';

export class Bins {
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly pageMap;
  private readonly lists: PageLists;
  /** Granules of a page, as a shift. */
  private readonly pageGranuleShift: number;
  private readonly granuleShift: number;
  private readonly cached: number;

  constructor(
    private readonly region: Region,
    private readonly locks: OwnedLocks,
    private readonly extents: ExtentAllocator,
    private readonly states: StateStore,
    slot: number,
  ) {
    this.i32 = region.i32;
    this.u8 = region.u8;
    this.pageMap = region.pageMap;
    this.lists = new PageLists(region.i32, region.pageMap);
    this.granuleShift = region.granuleShift;
    this.pageGranuleShift = PAGE_SHIFT - region.granuleShift;
    this.cached = cachedBy(slot);
  }

  /** @throws VmemError ECLOSED if the heap was deleted meanwhile */
  lock(sizeClass: SizeClass): void {
    this.locks.lock(binAt(sizeClass) + Bin.lock);
    if (!this.region.isOpen) {
      this.unlock(sizeClass);
      throw new VmemError('ECLOSED', 'the heap was deleted');
    }
  }

  unlock(sizeClass: SizeClass): void {
    this.locks.unlock(binAt(sizeClass) + Bin.lock);
  }

  /**
   * Moves up to `want` blocks into the empty stack at word `stack`, states CACHED. Returns how many; fewer
   * than `want` only if no slab could be added.
   */
  takeBlocks(sizeClass: SizeClass, want: number, stack: number): number {
    const bin = binAt(sizeClass);
    const { i32, lists } = this;
    let taken = 0;
    this.lock(sizeClass);
    try {
      while (taken < want) {
        let slab = lists.first(bin + Bin.slabs);
        if (slab === NULL_PAGE) {
          slab = this.addSlab(sizeClass);
          if (slab === NULL_PAGE) break;
        }
        taken += this.takeFromSlab(slab, sizeClass, want - taken, stack + taken);
        if (this.pageMap.a(slab) === 0) lists.remove(bin + Bin.slabs, slab);
      }
      i32[bin + Bin.freeBlocks] -= taken;
      i32[bin + Bin.refills]++;
    } finally {
      this.unlock(sizeClass);
    }
    return taken;
  }

  /**
   * Gives the `count` blocks at word `stack` back to their slabs. An entry whose block is not CACHED by this
   * thread is passed over: some other thread has freed the block, too, and has it.
   */
  returnBlocks(sizeClass: SizeClass, stack: number, count: number): void {
    const bin = binAt(sizeClass);
    this.lock(sizeClass);
    try {
      this.returnCached(sizeClass, stack, count, this.cached);
      this.i32[bin + Bin.flushes]++;
    } finally {
      this.unlock(sizeClass);
    }
  }

  /** `returnBlocks` for the blocks that are CACHED in state `cached`. Bin lock held. */
  returnCached(sizeClass: SizeClass, stack: number, count: number, cached: number): void {
    const { i32, u8, pageMap, pageGranuleShift, granuleShift } = this;
    const shape = SLAB_SHAPES[sizeClass];
    const reciprocal = CLASS_RECIPROCAL[sizeClass];
    // neighbours in a stack are often from one slab, so a slab is told of all its blocks at once
    let slab = NULL_PAGE;
    let returned = 0;
    let lowest = 0;
    for (let entry = stack; entry < stack + count; entry++) {
      const granule = i32[entry];
      const page = asPage(granule >>> pageGranuleShift);
      if (page >= pageMap.pages || pageMap.sizeClass(page) !== sizeClass) continue;
      const pageOffset = pageMap.pageOffset(page);
      const offset = pageOffset + ((granule & ((1 << pageGranuleShift) - 1)) << granuleShift);
      const index = Math.imul(offset, reciprocal) >>> 16;
      const state = pageMap.stateLine(page) * LINE_SIZE + index;
      if (u8[state] !== cached) continue;
      u8[state] = FREE;
      const its = pageBefore(page, pageOffset >>> PAGE_SHIFT);
      if (its !== slab) {
        if (returned > 0) this.blocksReturned(slab, returned, lowest, shape, sizeClass);
        slab = its;
        returned = 0;
        lowest = index;
      }
      returned++;
      if (index < lowest) lowest = index;
    }
    if (returned > 0) this.blocksReturned(slab, returned, lowest, shape, sizeClass);
  }

  /** Gives the pages of all empty slabs back. Returns true if there were any. */
  releaseEmptySlabs(): boolean {
    let any = false;
    for (let i = 0; i < CLASS_COUNT; i++) {
      const sizeClass = asSizeClass(i);
      const bin = binAt(sizeClass);
      const shape = SLAB_SHAPES[i];
      if (this.i32[bin + Bin.freeBlocks] < shape.blocks) continue;
      this.lock(sizeClass);
      try {
        let tries = this.i32[bin + Bin.slabCount];
        for (let slab = this.lists.first(bin + Bin.slabs); slab !== NULL_PAGE && tries-- > 0;) {
          const next = this.pageMap.next(slab);
          if (this.pageMap.a(slab) === shape.blocks) {
            this.releaseSlab(slab, shape, bin);
            any = true;
          }
          slab = next;
        }
      } finally {
        this.unlock(sizeClass);
      }
    }
    return any;
  }

  private takeFromSlab(slab: PageIndex, sizeClass: SizeClass, want: number, stack: number): number {
    const { i32, u8, pageMap, cached } = this;
    const { size, blocks } = SLAB_SHAPES[sizeClass];
    const states = pageMap.stateLine(slab) * LINE_SIZE;
    const first = slab * (1 << this.pageGranuleShift);
    const step = size >>> this.granuleShift;
    const free = pageMap.a(slab);
    const count = free < want ? free : want;
    let index = pageMap.b(slab);
    let taken = 0;
    for (; taken < count && index < blocks; index++) {
      if (u8[states + index] !== FREE) continue;
      i32[stack + taken++] = first + index * step;
      u8[states + index] = cached;
    }
    if (taken < count) {
      throw new VmemError(
        'ECORRUPT',
        `[SLAB-1] slab at page ${slab}: ${free} FREE blocks counted, less found`,
      );
    }
    pageMap.setA(slab, free - count);
    pageMap.setB(slab, index);
    return count;
  }

  /** `count` blocks of a slab, none below block `lowest`, have become FREE. */
  private blocksReturned(
    slab: PageIndex,
    count: number,
    lowest: number,
    shape: SlabShape,
    sizeClass: SizeClass,
  ): void {
    const { i32, pageMap } = this;
    const bin = binAt(sizeClass);
    const old = pageMap.a(slab);
    const free = old + count;
    const freeInBin = i32[bin + Bin.freeBlocks] + count;
    pageMap.setA(slab, free);
    if (lowest < pageMap.b(slab)) pageMap.setB(slab, lowest);
    i32[bin + Bin.freeBlocks] = freeInBin;
    if (old === 0) this.lists.addFirst(bin + Bin.slabs, slab);
    // the last slab with FREE blocks stays, lest a size that comes and goes makes and unmakes slabs
    if (free === shape.blocks && freeInBin > free) this.releaseSlab(slab, shape, bin);
  }

  private addSlab(sizeClass: SizeClass): PageIndex {
    const { extents, pageMap } = this;
    const shape = SLAB_SHAPES[sizeClass];
    const bin = binAt(sizeClass);
    let slab: PageIndex;
    extents.lock();
    try {
      slab = extents.take(shape.pages, 'high');
      if (slab === NULL_PAGE) return NULL_PAGE;
      const line = this.states.take(shape.lines);
      if (line === 0) {
        extents.release(slab);
        return NULL_PAGE;
      }
      for (let i = 0; i < shape.pages; i++) {
        pageMap.setSlabPage(pageAfter(slab, i), sizeClass, i * PAGE_SIZE, line);
      }
      pageMap.setA(slab, shape.blocks);
      pageMap.setB(slab, 0);
      extents.commit(slab, PageKind.slab);
    } finally {
      extents.unlock();
    }
    this.lists.addFirst(bin + Bin.slabs, slab);
    this.i32[bin + Bin.slabCount]++;
    this.i32[bin + Bin.slabsMade]++;
    this.i32[bin + Bin.freeBlocks] += shape.blocks;
    return slab;
  }

  /** Bin lock held; the slab has FREE blocks only and is in the list. */
  private releaseSlab(slab: PageIndex, shape: SlabShape, bin: number): void {
    const { extents, pageMap } = this;
    this.lists.remove(bin + Bin.slabs, slab);
    this.i32[bin + Bin.slabCount]--;
    this.i32[bin + Bin.slabsReleased]++;
    this.i32[bin + Bin.freeBlocks] -= shape.blocks;
    extents.lock();
    try {
      const line = pageMap.stateLine(slab);
      for (let i = 0; i < shape.pages; i++) pageMap.clearSlabPage(pageAfter(slab, i));
      extents.release(slab);
      this.states.release(line, shape.lines);
    } finally {
      extents.unlock();
    }
  }
}
