// What the living do for the dead: restore what a dead thread's locks protect, return its cached blocks and
// free its slot. A thread may die while it does this; then the next one begins anew.

import {
  LINE_SIZE,
  asSizeClass,
  asSlot,
  lineToPage,
  pageAfter,
  type LineIndex,
  type PageIndex,
  type SizeClass,
} from '../base/units';
import { walkExtents } from '../extent/extent-walk';
import { FREE } from '../layout/block-state';
import { PageLists } from '../layout/page-list';
import { PageKind, Sharing, type PageMap } from '../layout/page-map';
import { Bin, Extents, Slot, SlotOwner, binAt, slotAt, slotOfToken } from '../layout/region-layout';
import { CLASS_COUNT, SLAB_SHAPES } from '../slab/size-classes';
import { NO_RUN, allFree, hasRunInUse, runBeginningAt, runsOfPage, without } from '../slab/state-extent';
import { returnCachePages } from './cache-pages';
import type { HeapParts } from './parts';
import { ThreadCache } from './thread-cache';

export class Recovery {
  private readonly lists: PageLists;

  constructor(private readonly core: HeapParts) {
    this.lists = new PageLists(core.region.i32, core.region.pageMap, '[SLAB-2]');
  }

  /**
   * Reaps every thread that is known to be dead, or whose id nobody has. Threads come here that attach, that find memory out,
   * or that hear of a death, and there may be many to ask about. Holds no lock when called.
   */
  reapDead(): void {
    const { slots, slot: own, leftovers } = this.core;
    leftovers.dropAll();
    for (let slot = 0; slot < slots.count; slot++) {
      if (slots.inUse(slot) && slot !== own && slots.isDeadByNumber(slot)) this.reap(slot);
    }
  }

  /** Returns all that the dead thread of `slot` had, and the slot itself. */
  private reap(slot: number): void {
    const { slots, token, region } = this.core;
    try {
      if (!slots.beginReaping(slot, token)) return;
      this.clear(slot);
      slots.release(asSlot(slot));
    } catch (error) {
      const owner = Slot.start + slot * Slot.words + Slot.owner; // no call: the stack may be full
      if (region.i32[owner] === -token) region.i32[owner] = SlotOwner.dead;
      throw error;
    }
  }

  /** Restores what the lock at word `at` protects. Lock held. */
  repair(at: number): void {
    this.core.sections.fenceOthers();
    if (at === (Extents.lock as number)) this.repairExtents();
    else if (at >= binAt(0) && at < binAt(CLASS_COUNT))
      this.repairBin(asSizeClass((at - binAt(0)) / Bin.words));
    else if (at >= slotAt(0)) this.repairCache(Math.floor((at - slotAt(0)) / Slot.words));
    // the standstill protects nothing of its own; what backing left half done is put right by the next who backs
  }

  /** Rebuilds the cache of `slot`. Gate held. */
  private repairCache(slot: number): void {
    const cache = ThreadCache.of(this.core, slot);
    if (cache === undefined) return;
    // who closed the gate before may not have waited for the section that its thread was in
    this.core.sections.awaitOthers();
    cache.rebuild();
  }

  /** Returns what a dead thread left in `slot`; the calling thread reaps it or has claimed it. */
  clear(slot: number): void {
    // against their order: repairing what one protects takes those behind it
    const { lockOrder } = this.core;
    for (let i = lockOrder.length - 1; i >= 0; i--) this.takeOver(lockOrder[i], slot);
    this.returnCache(slot, true);
  }

  private takeOver(lock: number, slot: number): void {
    const { locks } = this.core;
    const owner = locks.owner(lock);
    if (owner > 0 && slotOfToken(owner) === slot && !locks.holds(lock)) locks.inherit(lock, owner);
  }

  /**
   * The cache of `slot`, if it has one, goes back: its blocks to their slabs, its pages to the extents.
   *
   * @param isTorn its thread may have died between two stores
   */
  returnCache(slot: number, isTorn: boolean): void {
    const { locks, slots, extents } = this.core;
    locks.during(slotAt(slot) + Slot.gate, () => {
      const cache = ThreadCache.of(this.core, slot);
      if (isTorn) cache?.rebuild();
      cache?.flushAll();
      slots.leaveSection(slot);
      extents.locked(() => {
        returnCachePages(this.core, slot);
      });
    });
  }

  /** Rebuilds all derived words of the page map and of the extents' tables. Extent lock held. */
  private repairExtents(): void {
    const { i32, pageMap } = this.core.region;
    walkExtents(pageMap, (page, kind, length) => {
      if (isUnfinished(pageMap, page, kind)) pageMap.withdrawClass(page, length);
    });
    // no section sees a slab any more that was withdrawn, here or by who had the lock before
    this.core.sections.awaitOthers();
    this.repairStatePages();
    this.core.extents.free.clear();
    this.core.extents.unbacked.clear();
    const counters = { freePages: 0, largeExtents: 0, largePages: 0, statePages: 0, cachePages: 0 };
    let freeStart = -1;
    let freeLength = 0;
    const endRun = (): void => {
      if (freeLength > 0) this.core.extents.restoreFree(freeStart as PageIndex, freeLength);
      counters.freePages += freeLength;
      freeLength = 0;
    };
    walkExtents(pageMap, (page, kind, length) => {
      if (kind === PageKind.free || isUnfinished(pageMap, page, kind)) {
        if (freeLength === 0) freeStart = page;
        freeLength += length;
        return;
      }
      endRun();
      if (kind === PageKind.reserved) return;
      if (kind === PageKind.unbacked) {
        this.core.extents.restoreUnbacked(page, length);
        return;
      }
      for (let i = 1; i < length; i++) pageMap.clearTag((page + i) as PageIndex);
      if (kind === PageKind.resizing) pageMap.setTag(page, PageKind.large, length);
      if (kind === PageKind.large || kind === PageKind.resizing || kind === PageKind.cached) {
        counters.largeExtents++;
        counters.largePages += length;
      }
      if (kind === PageKind.states) counters.statePages += length;
      if (kind === PageKind.cache) counters.cachePages += length;
    });
    endRun();
    i32[Extents.freePages] = counters.freePages;
    i32[Extents.largeExtents] = counters.largeExtents;
    i32[Extents.largePages] = counters.largePages;
    i32[Extents.statePages] = counters.statePages;
    i32[Extents.cachePages] = counters.cachePages;
  }

  /** Rebuilds the bitmaps and lists of state pages from the slabs; extents without a run in use become free. */
  private repairStatePages(): void {
    const { i32, pageMap } = this.core.region;
    const used = new Map<PageIndex, LineIndex[]>();
    walkExtents(pageMap, (page, kind) => {
      if (kind !== PageKind.slab || pageMap.sizeClass(page) < 0) return;
      const line = pageMap.stateLine(page);
      const lines = used.get(lineToPage(line)) ?? [];
      lines.push(line);
      used.set(lineToPage(line), lines);
    });
    i32.fill(0, Extents.statePageHeads, Extents.end);
    walkExtents(pageMap, (first, kind, length) => {
      if (kind !== PageKind.states) return;
      const linesOfRun = pageMap.runLength(first);
      if (linesOfRun === 0 || !hasRunInUse(used, first, length)) {
        for (let i = 0; i < length; i++) pageMap.setRunLength(pageAfter(first, i), 0);
        pageMap.setTag(first, PageKind.pending, length);
        return;
      }
      for (let i = 0; i < length; i++) {
        const page = pageAfter(first, i);
        let free = allFree(runsOfPage(linesOfRun, i === 0));
        for (const line of used.get(page) ?? []) {
          const run = runBeginningAt(line, first, linesOfRun);
          if (run !== NO_RUN) free = without(free, run);
        }
        const [low, high] = free;
        pageMap.setRunLength(page, linesOfRun);
        pageMap.setFreeRunsLow(page, low);
        pageMap.setFreeRunsHigh(page, high);
        if (low !== 0 || high !== 0) this.lists.addFirst(Extents.statePageHeads + linesOfRun, page);
      }
    });
  }

  /** Rebuilds a bin's lists and counters, and its slabs' counters, from the block states. Bin lock held. */
  private repairBin(sizeClass: SizeClass): void {
    const { region, extents, bins } = this.core;
    const { i32, u8, pageMap } = region;
    const bin = binAt(sizeClass);
    const { blocks } = SLAB_SHAPES[sizeClass];
    let slabs = 0;
    let emptySlabs = 0;
    let allFreeBlocks = 0;
    i32[bin + Bin.slabs] = 0;
    i32[bin + Bin.emptySlabs] = 0;
    extents.locked(() => {
      walkExtents(pageMap, (page, kind) => {
        if (kind !== PageKind.slab || pageMap.sizeClass(page) !== sizeClass) return;
        if (pageMap.sharing(page) === Sharing.onTheWay) bins.shareSlab(page, sizeClass);
        const states = pageMap.stateLine(page) * LINE_SIZE;
        let free = 0;
        for (let i = 0; i < blocks; i++) if (u8[states + i] === FREE) free++;
        pageMap.setCounts(page, free, 0);
        if (free === blocks) {
          this.lists.addFirst(bin + Bin.emptySlabs, page);
          emptySlabs++;
        } else if (free > 0) {
          this.lists.addFirst(bin + Bin.slabs, page);
        }
        slabs++;
        allFreeBlocks += free;
      });
    });
    i32[bin + Bin.slabCount] = slabs;
    i32[bin + Bin.emptyCount] = emptySlabs;
    i32[bin + Bin.freeBlocks] = allFreeBlocks;
  }
}

/** Whether the extent was just being made or given back. */
const isUnfinished = (pageMap: PageMap, page: PageIndex, kind: PageKind): boolean =>
  kind === PageKind.pending || (kind === PageKind.slab && pageMap.sizeClass(page) < 0);
