// Better places for blocks of sparse slabs: the FREE blocks of fuller ones. A block that moves there brings its old slab
// nearer to being empty, so that its pages can go back. Under the bin's lock and with the gate of the thread's cache closed,
// as in `bulk-blocks`.

import { LINE_SIZE, NULL_PAGE, PAGE_SIZE, type PageIndex, type SizeClass } from '../base/units';
import { FREE, liveIn } from '../layout/block-state';
import type { Region } from '../layout/region';
import { Bin, binAt } from '../layout/region-layout';
import { ABANDONED, type OwnedLocks } from '../sync/lock';
import type { Bins } from './bins';
import { SLAB_SHAPES } from './size-classes';
import { miscounted, slabOf } from './slab-checks';

export class DenserSlab {
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
   * Makes a FREE block live that is a better place for one in the slab around `page`; returns its pointer, or 0 where there
   * is none: the slab is fuller than the class's slabs are on the average, or no other one is fuller yet.
   */
  take(sizeClass: SizeClass, page: PageIndex): number {
    const { bins } = this;
    const { i32, u8, pageMap } = this.region;
    const { size, blocks } = SLAB_SHAPES[sizeClass];
    const bin = binAt(sizeClass);
    let taken = 0;
    try {
      bins.lock(sizeClass);
      // another thread may have freed the block, and its slab may be gone
      const sparse = pageMap.sizeClass(page) === sizeClass ? slabOf(pageMap, page, sizeClass) : NULL_PAGE;
      const slab = sparse === NULL_PAGE ? NULL_PAGE : bins.denserThan(sparse, sizeClass);
      if (slab !== NULL_PAGE) {
        const states = pageMap.stateLine(slab) * LINE_SIZE;
        let index = pageMap.searchStart(slab);
        while (index < blocks && u8[states + index] !== FREE) index++;
        if (index === blocks) throw miscounted(slab, pageMap.freeBlocks(slab));
        u8[states + index] = this.live;
        taken = slab * PAGE_SIZE + index * size;
        bins.blocksTaken(slab, 1, index + 1, sizeClass);
      }
      bins.unlock(sizeClass);
      return taken;
    } catch (error) {
      if (i32[bin + Bin.lock] === this.locks.me) i32[bin + Bin.lock] = ABANDONED;
      if (taken === 0) throw error;
      return taken; // it is the caller's; the rest is repaired
    }
  }
}
