// How a slab comes by its pages and its blocks' states, and how it gives them back.

import { NULL_PAGE, PAGE_SIZE, pageAfter, type PageIndex, type SizeClass } from '../base/units';
import type { ExtentAllocator } from '../extent/extent-allocator';
import { PageKind } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Extents } from '../layout/region-layout';
import type { FastSections } from '../sync/fast-sections';
import { ABANDONED, type OwnedLocks } from '../sync/lock';
import { STORES_IN_ORDER } from '../sync/platform';
import { SLAB_SHAPES } from './size-classes';
import { NO_LINE, type StateStore } from './state-store';

export class SlabPages {
  constructor(
    private readonly region: Region,
    private readonly locks: OwnedLocks,
    private readonly extents: ExtentAllocator,
    private readonly states: StateStore,
    private readonly sections: FastSections,
  ) {}

  /**
   * A new slab of FREE blocks for a class that has `slabs` of them; `NULL_PAGE` if no pages are left for it. Bin lock held.
   */
  add(sizeClass: SizeClass, slabs: number, isShared: boolean): PageIndex {
    const { extents, states } = this;
    const { i32, pageMap } = this.region;
    const { pages, lines, blocks } = SLAB_SHAPES[sizeClass];
    try {
      extents.lock();
      let slab = extents.take(pages);
      let line = slab === NULL_PAGE ? NO_LINE : states.take(lines, slabs);
      if (slab !== NULL_PAGE && line === NO_LINE) {
        // not every page will do for states, and the slab may have taken the last that does: the states first, then
        extents.release(slab);
        line = states.take(lines, slabs);
        slab = line === NO_LINE ? NULL_PAGE : extents.take(pages);
        if (slab === NULL_PAGE && line !== NO_LINE) states.release(line, lines);
      }
      if (slab !== NULL_PAGE) {
        for (let i = 0; i < pages; i++) pageMap.setStateLine(pageAfter(slab, i), line);
        // `free` of a stale pointer, in this instant, must not find the class with what stood beside it before
        if (!STORES_IN_ORDER) this.sections.awaitOthers();
        for (let i = 0; i < pages; i++)
          pageMap.publishClass(pageAfter(slab, i), sizeClass, i * PAGE_SIZE, isShared);
        pageMap.setCounts(slab, blocks, 0);
        extents.commit(slab, PageKind.slab);
      }
      extents.unlock();
      return slab;
    } catch (error) {
      if (i32[Extents.lock] === this.locks.me) i32[Extents.lock] = ABANDONED;
      throw error;
    }
  }

  /** Gives the pages of a slab back that no thread can find any more. Bin lock and extent lock held. */
  release(slab: PageIndex, sizeClass: SizeClass): void {
    const line = this.region.pageMap.stateLine(slab);
    this.extents.release(slab);
    this.states.release(line, SLAB_SHAPES[sizeClass].lines);
  }
}
