// The slabs of each size class: blocks go from slabs to thread caches and back, many at a time, under the
// lock of the class's bin.
//
//   takeBlocks    refill of a cache: from the first slab that has FREE blocks, else from a new slab
//   returnBlocks  flush of a cache: each block to its slab; the pages of empty slabs go back to the extents,
//                 many slabs at a time
//
//   bulk-blocks   the same between slabs and callers, who have more of them than a cache holds
//   denser-slab   a better place for a block of a slab that is nearly empty
//   slab-pages    how a slab comes by its pages
//   slab-checks   what of a slab's records is believed
//
//   share         a thread frees a block that another took: its slab's blocks are shared from then on
//
// FREE + LIVE + CACHED = number of blocks, in every slab:
//
// [SLAB-1] A slab's counts are the number of its FREE blocks and an index below which none lies.
// [SLAB-2] A slab is in its bin's list of empty slabs exactly if it has FREE blocks only, and in its list of slabs
//          exactly if it has FREE blocks and others.
// [SLAB-3] A bin counts its slabs, those that are empty, and their FREE blocks.

import {
  LINE_SIZE,
  NULL_PAGE,
  PAGE_SHIFT,
  asSizeClass,
  pageAfter,
  type PageIndex,
  type SizeClass,
} from '../base/units';
import { VmemError } from '../base/errors';
import type { ExtentAllocator } from '../extent/extent-allocator';
import { FREE, slotOfState } from '../layout/block-state';
import { PageLists } from '../layout/page-list';
import { Sharing } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Bin, binAt, slotOfToken } from '../layout/region-layout';
import { ENTRY } from '../layout/thread-cache-layout';
import type { FastSections } from '../sync/fast-sections';
import { ABANDONED, type OwnedLocks } from '../sync/lock';
import { countEvent } from './event-count';
import { CLASS_COUNT, SLAB_SHAPES } from './size-classes';
import { miscounted, requireListed, slabOf } from './slab-checks';
import { SlabPages } from './slab-pages';
import type { StateStore } from './state-store';

/** Pages in empty slabs of one class that are kept for its next blocks, at most; fewer in small regions. */
const MOST_EMPTY_PAGES = 64;

/**
 * Slabs that are looked at for one whose next block has this thread's own beside it. A class that has more free blocks than so
 * many slabs hold takes the first slab all the same.
 */
const NEIGHBOUR_TRIES = 4;

/** Slabs that are looked at for one that is fuller than another. */
const DENSER_TRIES = 64;

/** Slabs begin shared from this score on. One slab that becomes shared weighs as much as `GAIN` made shared. */
const SHARED_FROM = 32;
const GAIN = 8;
const HIGHEST_SCORE = 64;

export class Bins {
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly pageMap;
  private readonly lists: PageLists;
  /** Granules of a page, as a shift. */
  private readonly pageGranuleShift: number;
  private readonly granuleShift: number;
  private readonly mostEmptyPages: number;
  private readonly slot: number;
  private readonly slabPages: SlabPages;

  constructor(
    private readonly region: Region,
    private readonly locks: OwnedLocks,
    private readonly extents: ExtentAllocator,
    states: StateStore,
    private readonly sections: FastSections,
  ) {
    this.i32 = region.i32;
    this.u8 = region.u8;
    this.pageMap = region.pageMap;
    this.lists = new PageLists(region.i32, region.pageMap, '[SLAB-2]');
    this.granuleShift = region.granuleShift;
    this.pageGranuleShift = PAGE_SHIFT - region.granuleShift;
    this.mostEmptyPages = Math.min(MOST_EMPTY_PAGES, region.pages >> 8);
    this.slot = slotOfToken(locks.me);
    this.slabPages = new SlabPages(region, locks, extents, states, sections);
  }

  /**
   * Runs `action` with the lock of the class's bin; see `OwnedLocks.during`.
   * @throws VmemError ECLOSED if the heap was deleted meanwhile
   */
  locked<T>(sizeClass: SizeClass, action: () => T): T {
    return this.locks.during(binAt(sizeClass) + Bin.lock, action, this.region);
  }

  /** For warm paths, which write out what `locked` does: see `OwnedLocks.during`. */
  lock(sizeClass: SizeClass): void {
    this.locks.lock(binAt(sizeClass) + Bin.lock, this.region);
  }

  unlock(sizeClass: SizeClass): void {
    this.locks.unlock(binAt(sizeClass) + Bin.lock);
  }

  /**
   * Moves up to `want` blocks into the empty stack whose entries begin at word `entry`, states `cached`. Returns how
   * many; fewer than `want` only if no slab could be added.
   */
  takeBlocks(sizeClass: SizeClass, want: number, entry: number, cached: number): number {
    const { i32, lists } = this;
    const bin = binAt(sizeClass);
    try {
      let taken = 0;
      this.lock(sizeClass);
      while (taken < want) {
        const slab = this.slabToTakeFrom(sizeClass);
        if (slab === NULL_PAGE) break;
        taken += this.takeFromSlab(slab, sizeClass, want - taken, entry + ENTRY * taken, cached);
        if (this.pageMap.freeBlocks(slab) === 0) lists.remove(bin + Bin.slabs, slab);
      }
      i32[bin + Bin.freeBlocks] -= taken;
      countEvent(i32, bin + Bin.refills);
      this.unlock(sizeClass);
      return taken;
    } catch (error) {
      if (i32[bin + Bin.lock] === this.locks.me) i32[bin + Bin.lock] = ABANDONED;
      throw error;
    }
  }

  /**
   * Gives the blocks of the entries from word `from` to word `to` back to their slabs; their states are `cached`.
   * @throws VmemError ECORRUPT if one is not
   */
  returnBlocks(sizeClass: SizeClass, from: number, to: number, cached: number): void {
    const { i32, u8, pageMap, pageGranuleShift } = this;
    const bin = binAt(sizeClass);
    const { blocks } = SLAB_SHAPES[sizeClass];
    try {
      this.lock(sizeClass);
      // neighbours in a stack are often from one page, so a slab is told of all its blocks at once
      let page = -1;
      let slab = NULL_PAGE;
      let states = 0;
      let returned = 0;
      let lowest = 0;
      for (let entry = from; entry < to; entry += ENTRY) {
        const state = i32[entry + 1] >>> 0;
        const its = i32[entry] >>> pageGranuleShift;
        if (its !== page) {
          if (returned > 0) this.blocksReturned(slab, returned, lowest, sizeClass);
          page = its;
          slab = slabOf(pageMap, page, sizeClass);
          states = pageMap.stateLine(slab) * LINE_SIZE;
          returned = 0;
          lowest = blocks;
        }
        const index = state - states;
        if (u8[state] !== cached || index < 0 || index >= blocks) {
          throw new VmemError('ECORRUPT', `[CACHE-1] entry at word ${entry}: its block is not in this cache`);
        }
        u8[state] = FREE;
        returned++;
        if (index < lowest) lowest = index;
      }
      if (returned > 0) this.blocksReturned(slab, returned, lowest, sizeClass);
      this.endOfReturn(sizeClass);
      this.unlock(sizeClass);
    } catch (error) {
      if (i32[bin + Bin.lock] === this.locks.me) i32[bin + Bin.lock] = ABANDONED;
      throw error;
    }
  }

  /** Makes the blocks of the slab around `page` shared, if it is (still) one of the class. */
  share(sizeClass: SizeClass, page: PageIndex): void {
    const { i32, pageMap } = this;
    const bin = binAt(sizeClass);
    this.locked(sizeClass, () => {
      if (pageMap.sizeClass(page) === sizeClass && pageMap.sharing(page) !== Sharing.shared) {
        this.shareSlab(slabOf(pageMap, page, sizeClass), sizeClass);
        i32[bin + Bin.sharingScore] = Math.min(i32[bin + Bin.sharingScore] + GAIN, HIGHEST_SCORE);
      }
    });
  }

  /** Bin lock held. */
  shareSlab(slab: PageIndex, sizeClass: SizeClass): void {
    const { pageMap } = this;
    const { pages } = SLAB_SHAPES[sizeClass];
    for (let i = 0; i < pages; i++) pageMap.setSharing(pageAfter(slab, i), Sharing.onTheWay);
    this.sections.awaitOthers();
    // the first page last: it tells whoever repairs the bin that the others may not be there yet
    for (let i = pages - 1; i >= 0; i--) pageMap.setSharing(pageAfter(slab, i), Sharing.shared);
  }

  /** Gives the pages of all empty slabs back. Returns true if there were any. */
  releaseEmptySlabs(): boolean {
    let any = false;
    for (let i = 0; i < CLASS_COUNT; i++) {
      const sizeClass = asSizeClass(i);
      if (this.i32[binAt(sizeClass) + Bin.emptyCount] === 0) continue;
      if (this.locked(sizeClass, () => this.releaseEmpty(sizeClass))) any = true;
    }
    return any;
  }

  private takeFromSlab(
    slab: PageIndex,
    sizeClass: SizeClass,
    want: number,
    entry: number,
    cached: number,
  ): number {
    const { i32, u8, pageMap } = this;
    const { size, blocks } = SLAB_SHAPES[sizeClass];
    const states = pageMap.stateLine(slab) * LINE_SIZE;
    const step = size >>> this.granuleShift;
    const free = pageMap.freeBlocks(slab);
    const count = free < want ? free : want;
    let state = states + pageMap.searchStart(slab);
    let granule = slab * (1 << this.pageGranuleShift) + pageMap.searchStart(slab) * step;
    let at = entry;
    const end = entry + ENTRY * count;
    for (const last = states + blocks; at < end && state < last; state++, granule += step) {
      if (u8[state] !== FREE) continue;
      i32[at] = granule;
      i32[at + 1] = state;
      at += ENTRY;
      u8[state] = cached;
    }
    if (at < end) throw miscounted(slab, free);
    pageMap.setCounts(slab, free - count, state - states);
    return count;
  }

  /**
   * The slab to take FREE blocks from, the first in the class's list then; `NULL_PAGE` if there is none and none can be
   * added. One where this thread goes on behind its own blocks, if that does not cost too much memory: states, and small
   * blocks, of two threads that share a cache line slow both down. The class's free blocks stay below what some slabs
   * hold, though, and pages that are scarce stay free. Bin lock held.
   */
  slabToTakeFrom(sizeClass: SizeClass): PageIndex {
    const { i32, lists, pageMap } = this;
    const bin = binAt(sizeClass);
    const head = bin + Bin.slabs;
    const first = lists.first(head);
    if (first === NULL_PAGE) return this.beginSlab(sizeClass);
    let tries = NEIGHBOUR_TRIES;
    for (let slab = first; slab !== NULL_PAGE && tries > 0; slab = lists.next(slab), tries--) {
      requireListed(pageMap, slab, sizeClass, 1);
      if (this.isBesideOthers(slab)) continue;
      if (slab !== first) {
        lists.remove(head, slab);
        lists.addFirst(head, slab);
      }
      return slab;
    }
    const hasMany = i32[bin + Bin.freeBlocks] > NEIGHBOUR_TRIES * SLAB_SHAPES[sizeClass].blocks;
    const begun = hasMany || this.extents.isScarce ? NULL_PAGE : this.beginSlab(sizeClass);
    return begun === NULL_PAGE ? first : begun;
  }

  /**
   * A slab that is fuller than `sparse`, of those at the head of the list the fullest; `NULL_PAGE` if there is none, or
   * `sparse` is fuller itself than the class's slabs are on the average. Of two that are alike the lower one counts as the
   * fuller. Bin lock held.
   */
  denserThan(sparse: PageIndex, sizeClass: SizeClass): PageIndex {
    const { i32, lists, pageMap } = this;
    const bin = binAt(sizeClass);
    const empty = i32[bin + Bin.emptyCount];
    const slabs = i32[bin + Bin.slabCount] - empty;
    const free = i32[bin + Bin.freeBlocks] - empty * SLAB_SHAPES[sizeClass].blocks;
    let best = sparse;
    let least = pageMap.freeBlocks(sparse);
    if (least * slabs < free) return NULL_PAGE;
    let tries = DENSER_TRIES;
    for (
      let slab = lists.first(bin + Bin.slabs);
      slab !== NULL_PAGE && tries > 0;
      slab = lists.next(slab), tries--
    ) {
      requireListed(pageMap, slab, sizeClass, 1);
      const its = pageMap.freeBlocks(slab);
      if (its > least || (its === least && slab >= best)) continue;
      best = slab;
      least = its;
    }
    return best === sparse ? NULL_PAGE : best;
  }

  /** Whether another thread has the block in front of the slab's first FREE one. */
  private isBesideOthers(slab: PageIndex): boolean {
    const { u8, pageMap } = this;
    const index = pageMap.searchStart(slab);
    if (index === 0) return false;
    const before = u8[pageMap.stateLine(slab) * LINE_SIZE + index - 1];
    return before !== FREE && slotOfState(before) !== this.slot;
  }

  /** `count` FREE blocks of a listed slab have become live; none is left below block `index`. Bin lock held. */
  blocksTaken(slab: PageIndex, count: number, index: number, sizeClass: SizeClass): void {
    const { i32, pageMap, lists } = this;
    const bin = binAt(sizeClass);
    pageMap.setCounts(slab, pageMap.freeBlocks(slab) - count, index);
    i32[bin + Bin.freeBlocks] -= count;
    if (pageMap.freeBlocks(slab) === 0) lists.remove(bin + Bin.slabs, slab);
  }

  /** After blocks were returned: counts it, and gives pages back if there are too many. Bin lock held. */
  endOfReturn(sizeClass: SizeClass): void {
    countEvent(this.i32, binAt(sizeClass) + Bin.flushes);
    if (this.tooManyEmpty(sizeClass)) this.releaseEmpty(sizeClass);
  }

  /** `count` blocks of a slab, none below block `lowest`, have become FREE. Bin lock held. */
  blocksReturned(slab: PageIndex, count: number, lowest: number, sizeClass: SizeClass): void {
    const { i32, pageMap, lists } = this;
    const bin = binAt(sizeClass);
    const old = pageMap.freeBlocks(slab);
    const free = old + count;
    const isEmpty = free === SLAB_SHAPES[sizeClass].blocks;
    if (free > SLAB_SHAPES[sizeClass].blocks)
      throw new VmemError(
        'ECORRUPT',
        `[SLAB-1] slab at page ${slab}: counts ${old} FREE blocks, ${count} come`,
      );
    pageMap.setCounts(slab, free, Math.min(lowest, pageMap.searchStart(slab)));
    i32[bin + Bin.freeBlocks] += count;
    if (isEmpty) {
      if (old > 0) lists.remove(bin + Bin.slabs, slab);
      lists.addFirst(bin + Bin.emptySlabs, slab);
      i32[bin + Bin.emptyCount]++;
    } else if (old === 0) {
      lists.addFirst(bin + Bin.slabs, slab);
    }
  }

  /** A slab of FREE blocks, an empty one or a new one, which is then in the list of slabs; else `NULL_PAGE`. */
  private beginSlab(sizeClass: SizeClass): PageIndex {
    const { i32, lists, pageMap } = this;
    const bin = binAt(sizeClass);
    let slab = lists.first(bin + Bin.emptySlabs);
    if (slab !== NULL_PAGE) {
      requireListed(pageMap, slab, sizeClass, SLAB_SHAPES[sizeClass].blocks);
      lists.remove(bin + Bin.emptySlabs, slab);
      i32[bin + Bin.emptyCount]--;
    } else {
      slab = this.slabPages.add(sizeClass, i32[bin + Bin.slabCount], this.beginsShared(bin));
      if (slab === NULL_PAGE) return NULL_PAGE;
      i32[bin + Bin.slabCount]++;
      countEvent(i32, bin + Bin.slabsMade);
      i32[bin + Bin.freeBlocks] += SLAB_SHAPES[sizeClass].blocks;
    }
    lists.addFirst(bin + Bin.slabs, slab);
    return slab;
  }

  /** Whether most slabs of the class become shared anyway; every so often one is tried otherwise. */
  private beginsShared(bin: number): boolean {
    const { i32 } = this;
    if (!this.sections.isCheap) return true;
    const score = i32[bin + Bin.sharingScore];
    if (score < SHARED_FROM) return false;
    i32[bin + Bin.sharingScore] = score - 1;
    return true;
  }

  private tooManyEmpty(sizeClass: SizeClass): boolean {
    const empty = this.i32[binAt(sizeClass) + Bin.emptyCount];
    return empty > 1 && empty * SLAB_SHAPES[sizeClass].pages > this.mostEmptyPages;
  }

  /** Gives the pages of the class's empty slabs back. Bin lock held. True if there were any. */
  private releaseEmpty(sizeClass: SizeClass): boolean {
    if (this.lists.first(binAt(sizeClass) + Bin.emptySlabs) === NULL_PAGE) return false;
    this.extents.locked(() => {
      this.releaseListed(sizeClass);
    });
    return true;
  }

  /** Bin lock and extent lock held. */
  private releaseListed(sizeClass: SizeClass): void {
    const { i32, pageMap, lists } = this;
    const { pages, blocks } = SLAB_SHAPES[sizeClass];
    const bin = binAt(sizeClass);
    const head = bin + Bin.emptySlabs;
    // whoever tries to free a block there from now on finds no slab
    for (let slab = lists.first(head); slab !== NULL_PAGE; slab = lists.next(slab)) {
      requireListed(pageMap, slab, sizeClass, blocks);
      pageMap.withdrawClass(slab, pages);
    }
    this.sections.awaitOthers();
    for (let slab = lists.first(head); slab !== NULL_PAGE; slab = lists.first(head)) {
      lists.remove(head, slab);
      i32[bin + Bin.emptyCount]--;
      i32[bin + Bin.slabCount]--;
      countEvent(i32, bin + Bin.slabsReleased);
      i32[bin + Bin.freeBlocks] -= blocks;
      this.slabPages.release(slab, sizeClass);
    }
  }
}
