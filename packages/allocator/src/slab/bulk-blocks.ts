// Blocks between slabs and callers, past the thread caches: for whoever takes or gives at once more than a cache holds.
// Under the bin's lock, like the moves between slabs and caches in `bins`, and with the gate of the thread's cache closed,
// so that a standstill has none of it under way.

import { LINE_SIZE, NULL_PAGE, PAGE_SIZE, asPage, type SizeClass } from '../base/units';
import { FREE, isLive, liveIn } from '../layout/block-state';
import { Sharing } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Bin, binAt } from '../layout/region-layout';
import { ABANDONED, type OwnedLocks } from '../sync/lock';
import { pageOfPointer } from './block-lookup';
import type { Bins } from './bins';
import { countEvent } from './event-count';
import { CLASS_RECIPROCAL, SLAB_SHAPES } from './size-classes';
import { miscounted, slabOf } from './slab-checks';

const pageOf = pageOfPointer; // a constant of this module, for V8's compiler
const PAGE_MASK = PAGE_SIZE - 1;

/** Where pointers are kept: a typed array, so that no code of a caller's runs under the lock. */
type Pointers = Float64Array | Uint32Array | Int32Array;

export class BulkBlocks {
  private readonly live: number;

  constructor(
    private readonly region: Region,
    private readonly locks: OwnedLocks,
    private readonly bins: Bins,
    slot: number,
  ) {
    this.live = liveIn(slot);
  }

  /**
   * Makes FREE blocks of the class live and writes their pointers into `out` from `from` to `to`; returns how far, which is
   * less than `to` only if no slab could be added.
   */
  take(sizeClass: SizeClass, out: Pointers, from: number, to: number): number {
    const { bins, live } = this;
    const { i32, u8, pageMap } = this.region;
    const { size, blocks } = SLAB_SHAPES[sizeClass];
    const bin = binAt(sizeClass);
    let next = from;
    try {
      bins.lock(sizeClass);
      while (next < to) {
        const slab = bins.slabToTakeFrom(sizeClass);
        if (slab === NULL_PAGE) break;
        const free = pageMap.freeBlocks(slab);
        const end = Math.min(to, next + free);
        const before = next;
        const states = pageMap.stateLine(slab) * LINE_SIZE;
        const start = slab * PAGE_SIZE;
        let index = pageMap.searchStart(slab);
        for (; next < end && index < blocks; index++) {
          if (u8[states + index] !== FREE) continue;
          u8[states + index] = live;
          out[next++] = start + index * size;
        }
        if (free === 0 || next < end) throw miscounted(slab, free);
        bins.blocksTaken(slab, next - before, index, sizeClass);
      }
      countEvent(i32, bin + Bin.refills);
      bins.unlock(sizeClass);
      return next;
    } catch (error) {
      if (i32[bin + Bin.lock] === this.locks.me) i32[bin + Bin.lock] = ABANDONED;
      if (next === from) throw error;
      return next; // those are the caller's; the rest is repaired
    }
  }

  /**
   * Makes the blocks of `ptrs` from `from` to `to` FREE; returns how far: to the first that is no live block of the class,
   * or one that another thread frees at that moment.
   */
  give(sizeClass: SizeClass, ptrs: Pointers, from: number, to: number): number {
    const { bins, live } = this;
    const { i32, u8, pageMap, pages, size: regionSize } = this.region;
    const { size, blocks } = SLAB_SHAPES[sizeClass];
    const reciprocal = CLASS_RECIPROCAL[sizeClass];
    const bin = binAt(sizeClass);
    try {
      bins.lock(sizeClass);
      let page = -1;
      let slab = NULL_PAGE;
      let isShared = false;
      let states = 0;
      let pageOffset = 0;
      let returned = 0;
      let lowest = 0;
      let next = from;
      for (; next < to; next++) {
        const ptr = ptrs[next]; // once: it may change
        const its = pageOf(ptr, regionSize);
        if (its !== page) {
          if (its < 0 || its >= pages || pageMap.sizeClass(asPage(its)) !== sizeClass) break;
          if (returned > 0) bins.blocksReturned(slab, returned, lowest, sizeClass);
          page = its;
          pageOffset = pageMap.pageOffset(asPage(its));
          slab = slabOf(pageMap, its, sizeClass);
          isShared = pageMap.sharing(asPage(its)) === Sharing.shared;
          states = pageMap.stateLine(asPage(its)) * LINE_SIZE;
          returned = 0;
          lowest = blocks;
        }
        const offset = pageOffset + (ptr & PAGE_MASK);
        const index = Math.imul(offset, reciprocal) >>> 16;
        const state = states + index;
        const old = u8[state];
        if (index * size !== offset || (isShared ? !isLive(old) : old !== live)) break;
        // an exclusive block is freed by this thread alone, unless another one shares the slab, which takes the lock; of
        // those that free a shared one at this moment one wins; partners: `freeShared` and this line
        if (!isShared) u8[state] = FREE;
        else if (Atomics.compareExchange(u8, state, old, FREE) !== old) break;
        returned++;
        if (index < lowest) lowest = index;
      }
      if (returned > 0) bins.blocksReturned(slab, returned, lowest, sizeClass);
      bins.endOfReturn(sizeClass);
      bins.unlock(sizeClass);
      return next;
    } catch (error) {
      if (i32[bin + Bin.lock] === this.locks.me) i32[bin + Bin.lock] = ABANDONED;
      throw error;
    }
  }
}
