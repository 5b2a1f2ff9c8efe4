// The cache of one slot: moves blocks between its stacks and the bins, half a stack at a time. Every method
// needs the slot's gate, or a heap that nobody else has seen. See `layout/thread-cache` for the format.

import { PlainBytes } from '../base/built-in';
import {
  NULL_PAGE,
  asSizeClass,
  offsetToPage,
  pageToOffset,
  pageToWord,
  type PageIndex,
  type SizeClass,
} from '../base/units';
import { VmemError } from '../base/errors';
import { cachedBy, liveIn } from '../layout/block-state';
import { cachedRunTag } from '../layout/page-map';
import { ENTRY, SHORTEST_RUN } from '../layout/thread-cache-layout';
import { stateIndexOf } from '../slab/block-lookup';
import { CLASS_COUNT } from '../slab/size-classes';
import { cachePagesOf } from './cache-pages';
import type { HeapParts } from './parts';

/** Blocks of a class's first refill, and how often the number doubles at most. */
const FIRST_REFILL = 8;
const MOST_DOUBLINGS = 10;

export class ThreadCache {
  /** Word of the tops: two words a class. */
  readonly tops: number;
  private readonly start: number;
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly cached: number;
  private readonly live: number;
  private readonly granuleSize: number;
  /** How often each class's stack was filled, as far as it counts. */
  private refills: Uint8Array | undefined;

  /** @param page first page of the slot's cache */
  private constructor(
    private readonly core: HeapParts,
    private readonly slot: number,
    page: PageIndex,
  ) {
    this.start = pageToWord(page);
    this.tops = this.start + core.cacheLayout.tops;
    this.i32 = core.region.i32;
    this.u8 = core.region.u8;
    this.cached = cachedBy(slot);
    this.live = liveIn(slot);
    this.granuleSize = 2 ** core.region.granuleShift;
    this.refills = undefined;
  }

  /** The cache of a slot; undefined if it has none. */
  static of(core: HeapParts, slot: number): ThreadCache | undefined {
    const page = cachePagesOf(core, slot);
    return page === NULL_PAGE ? undefined : new ThreadCache(core, slot, page);
  }

  /** Takes a block of the class from its stack, filled before if empty; the block's granule, or 0. */
  take(sizeClass: SizeClass): number {
    const { i32, u8 } = this;
    const at = this.tops + 2 * sizeClass;
    this.beginStack(sizeClass);
    if (this.blocksOf(sizeClass) === 0 && this.refill(sizeClass) === 0) return 0;
    const top = i32[at];
    const state = i32[top - 1] >>> 0;
    if (!this.hasBlock(i32[top - ENTRY], state, sizeClass)) {
      throw new VmemError(
        'ECORRUPT',
        `[CACHE-1] class ${sizeClass}: the entry on top has a block of state ${u8[state]}`,
      );
    }
    u8[state] = this.live;
    i32[at] = top - ENTRY;
    return i32[top - ENTRY];
  }

  /** Fills half of the stack of the class if it is empty. False if no block came, or it was not empty. */
  fill(sizeClass: SizeClass): boolean {
    this.beginStack(sizeClass);
    return this.blocksOf(sizeClass) === 0 && this.refill(sizeClass) > 0;
  }

  /** Makes room in a full stack by giving the older half of its blocks back. False if it is not full. */
  makeRoom(sizeClass: SizeClass): boolean {
    this.beginStack(sizeClass);
    const blocks = this.blocksOf(sizeClass);
    if (blocks < this.core.cacheLayout.capacity[sizeClass]) return false;
    this.returnOldest(sizeClass, blocks, (blocks + 1) >> 1);
    return true;
  }

  /** Returns all blocks of all stacks. True if there were any. */
  flushAll(): boolean {
    let any = false;
    for (let i = 0; i < CLASS_COUNT; i++) {
      const sizeClass = asSizeClass(i);
      const blocks = this.blocksOf(sizeClass);
      if (blocks === 0) continue;
      any = true;
      this.returnOldest(sizeClass, blocks, blocks);
    }
    return this.flushRuns() || any;
  }

  get isEmpty(): boolean {
    // without the gate: what its thread begins at this moment may be seen half done
    for (let i = 0; i < CLASS_COUNT; i++)
      if (this.hasStack(i) && this.i32[this.tops + 2 * i] !== this.bottom(i)) return false;
    return this.runPages === 0;
  }

  /** Pages of the runs in this cache. */
  get runPages(): number {
    return this.i32[this.start + this.core.cacheLayout.runPages];
  }

  /** What lies in the stacks of runs. */
  countRuns(): { readonly runs: number; readonly pages: number } {
    let runs = 0;
    let pages = 0;
    const { firstRun, capacity } = this.core.cacheLayout;
    for (let i = firstRun; i < capacity.length; i++) {
      const inStack = this.entriesOf(i);
      runs += inStack;
      pages += inStack * (SHORTEST_RUN + i - firstRun);
    }
    return { runs, pages };
  }

  /** Blocks in the stack of the class. */
  blocksOf(sizeClass: SizeClass): number {
    return this.entriesOf(sizeClass);
  }

  /**
   * Entries of a stack, of blocks or of runs.
   * @throws VmemError ECORRUPT if its top or its end can't be that
   */
  private entriesOf(stack: number): number {
    const { i32, start } = this;
    const { capacity, firstRun, noStack } = this.core.cacheLayout;
    const top = i32[this.tops + 2 * stack];
    const end = i32[this.tops + 2 * stack + 1];
    if (stack < firstRun && end === start + noStack && top === end) return 0;
    const entries = (top - this.bottom(stack)) / ENTRY;
    const isSound = entries >= 0 && entries <= capacity[stack] && Number.isInteger(entries);
    if (isSound && end === this.bottom(stack) + ENTRY * capacity[stack]) return entries;
    throw new VmemError('ECORRUPT', `[CACHE-2] slot ${this.slot}, stack ${stack}: top ${top}, end ${end}`);
  }

  private hasStack(sizeClass: number): boolean {
    return this.i32[this.tops + 2 * sizeClass + 1] !== this.start + this.core.cacheLayout.noStack;
  }

  /** Nothing was ever in the stack of the class: both its words say so. */
  private isUnbegun(sizeClass: number): boolean {
    return (
      !this.hasStack(sizeClass) &&
      this.i32[this.tops + 2 * sizeClass] === this.start + this.core.cacheLayout.noStack
    );
  }

  private beginStack(sizeClass: SizeClass): void {
    if (this.hasStack(sizeClass)) return;
    const { i32 } = this;
    const at = this.tops + 2 * sizeClass;
    const bottom = this.bottom(sizeClass);
    i32[bottom - 1] = 0;
    i32[bottom - 2] = 0;
    i32[at] = bottom;
    i32[at + 1] = bottom + ENTRY * this.core.cacheLayout.capacity[sizeClass]; // the stack is there from here on
  }

  /**
   * Rebuilds the stacks from the states, wherever their last user stopped: an entry counts, once, if its block
   * is CACHED by the slot, or its run of pages `cached`.
   */
  rebuild(): void {
    const { i32, start } = this;
    const { capacity, firstRun, stack, runPages, noStack } = this.core.cacheLayout;
    let pagesInRuns = 0;
    for (let i = 0; i < capacity.length; i++) {
      if (i < firstRun && this.isUnbegun(i)) continue;
      const bottom = start + stack[i];
      const end = bottom + ENTRY * capacity[i];
      const pages = SHORTEST_RUN + i - firstRun;
      const seen = new Set<number>();
      let top = bottom;
      for (let entry = bottom; entry < end; entry += ENTRY) {
        const granule = i32[entry];
        const state = i32[entry + 1];
        if (i < firstRun ? !this.hasBlock(granule, state >>> 0, i) : !this.hasRun(granule, pages)) continue;
        if (seen.has(granule)) continue;
        seen.add(granule);
        // moving an entry down leaves it in its old place, too, so that each has a place at every instant
        i32[top] = granule;
        i32[top + 1] = state;
        top += ENTRY;
        if (i >= firstRun) pagesInRuns += pages;
      }
      i32[this.tops + 2 * i] = top;
      i32[this.tops + 2 * i + 1] = end;
      i32[bottom - 1] = 0;
      i32[bottom - 2] = 0;
    }
    i32[start + noStack - 1] = 0;
    i32[start + noStack - 2] = 0;
    i32.fill(0, start, this.tops);
    i32[start + runPages] = pagesInRuns;
  }

  private hasBlock(granule: number, state: number, sizeClass: number): boolean {
    const { region } = this.core;
    const ptr = granule * this.granuleSize;
    return (
      this.u8[state] === this.cached &&
      stateIndexOf(region, ptr) === state &&
      region.pageMap.sizeClass(offsetToPage(ptr)) === sizeClass
    );
  }

  private hasRun(granule: number, pages: number): boolean {
    const { pageMap } = this.core.region;
    const ptr = granule * this.granuleSize;
    const page = offsetToPage(ptr);
    return (
      page > 0 &&
      page < pageMap.pages &&
      pageToOffset(page) === ptr &&
      pageMap.tag(page) === cachedRunTag(this.slot, pages)
    );
  }

  /** Returns all runs of pages. True if there were any. */
  flushRuns(): boolean {
    if (this.runPages === 0) return false;
    const { i32, start, tops } = this;
    const { capacity, firstRun, runPages } = this.core.cacheLayout;
    for (let i = firstRun; i < capacity.length; i++) {
      const bottom = this.bottom(i);
      const top = bottom + ENTRY * this.entriesOf(i);
      if (top === bottom) continue;
      const pages = SHORTEST_RUN + i - firstRun;
      this.core.large.returnRuns(bottom, top, pages, this.slot);
      i32[tops + 2 * i] = bottom;
      i32[start + runPages] -= (pages * (top - bottom)) / ENTRY;
    }
    return true;
  }

  /**
   * Fills an empty stack, with few blocks at first and twice as many each time up to half of what it holds: a thread
   * keeps little of the classes that it hardly uses. Returns how many blocks came.
   */
  private refill(sizeClass: SizeClass): number {
    const { bins, cacheLayout } = this.core;
    const refills = (this.refills ??= new PlainBytes(CLASS_COUNT));
    const want = Math.min(FIRST_REFILL << refills[sizeClass], cacheLayout.capacity[sizeClass] >> 1);
    if (refills[sizeClass] < MOST_DOUBLINGS) refills[sizeClass]++;
    const bottom = this.bottom(sizeClass);
    const taken = bins.takeBlocks(sizeClass, want, bottom, this.cached);
    this.i32[this.tops + 2 * sizeClass] = bottom + ENTRY * taken;
    return taken;
  }

  private returnOldest(sizeClass: SizeClass, blocks: number, count: number): void {
    const { i32 } = this;
    const bottom = this.bottom(sizeClass);
    const rest = bottom + ENTRY * count;
    this.core.bins.returnBlocks(sizeClass, bottom, rest, this.cached);
    i32.copyWithin(bottom, rest, bottom + ENTRY * blocks);
    i32[this.tops + 2 * sizeClass] = bottom + ENTRY * (blocks - count);
  }

  /** Word of the oldest entry of a stack. */
  private bottom(stack: number): number {
    return this.start + this.core.cacheLayout.stack[stack];
  }
}
