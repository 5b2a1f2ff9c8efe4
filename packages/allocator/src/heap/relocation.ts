// Places that make for less fragmentation, and how the old ones are given back: past the thread caches, or the next place
// to be found would be the one that was left last.

import { PlainDoubles } from '../base/built-in';
import { PAGE_SIZE, asSizeClass, offsetToPage } from '../base/units';
import { BulkBlocks } from '../slab/bulk-blocks';
import { liveClassOf } from '../slab/block-lookup';
import { DenserSlab } from '../slab/denser-slab';
import { withOwnCache } from './own-cache';
import type { HeapParts } from './parts';

export class Relocation {
  private readonly bulk: BulkBlocks;
  private readonly denser: DenserSlab;
  private readonly one = new PlainDoubles(1);

  constructor(private readonly core: HeapParts) {
    const { region, locks, bins, slot } = core;
    this.bulk = new BulkBlocks(region, locks, bins, slot);
    this.denser = new DenserSlab(region, locks, bins, slot);
  }

  /** Pointer to a new live block of `size` bytes that is a better place for the live one at `ptr`; 0 if it stays. */
  placeFor(ptr: number, size: number): number {
    const { core } = this;
    const sizeClass = liveClassOf(core.region, ptr);
    if (sizeClass < 0) return this.lowerPages(ptr, size);
    let place = 0;
    try {
      withOwnCache(core, () => {
        place = this.denser.take(asSizeClass(sizeClass), offsetToPage(ptr));
        return place !== 0;
      });
    } catch (error) {
      if (place === 0) throw error; // else only the unlock failed
    }
    return place;
  }

  /**
   * Pages at a lower address. They must have the alignment of the old ones, too: it may have been asked for. (That of small
   * blocks is that of their size, up to 4096.)
   */
  private lowerPages(ptr: number, size: number): number {
    const { large } = this.core;
    const place = large.allocate(size, 1);
    if (place !== 0 && place < ptr && place % alignmentOf(ptr) === 0) return place;
    if (place !== 0) large.free(place);
    return 0;
  }

  /** Frees a small block straight to its slab; false if it is none, or that can't be. */
  giveBack(ptr: number): boolean {
    const { core, one } = this;
    const sizeClass = liveClassOf(core.region, ptr);
    if (sizeClass < 0) return core.large.free(ptr);
    one[0] = ptr;
    return withOwnCache(core, () => this.bulk.give(asSizeClass(sizeClass), one, 0, 1) === 1);
  }
}

/** The largest power of two that divides it. */
function alignmentOf(ptr: number): number {
  let alignment: number = PAGE_SIZE;
  while (ptr % (alignment * 2) === 0) alignment *= 2;
  return alignment;
}
