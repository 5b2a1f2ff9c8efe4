// malloc where the thread's stacks have no block ready: first what there is, then what other threads can spare, then
// storage that the heap doesn't have yet.

import { PAGE_SIZE, pagesFor, type SizeClass, asSizeClass } from '../base/units';
import { Slot, slotAt } from '../layout/region-layout';
import { CLASS_SIZE, SHORTER_CLASS, SLAB_SHAPES } from '../slab/size-classes';
import { ABANDONED } from '../sync/lock';
import type { Attachment } from './attachment';
import type { HeapCore } from './core';
import { MOST_TRIES } from './membership';
import { reclaim } from './reclaim';

export class SlowMalloc {
  private readonly i32: Int32Array;
  private readonly granuleSize: number;
  /** Word of the gate of this thread's slot. */
  private readonly gate: number;
  /** Whether the last attempt to have the heap grow for a block was in vain. */
  private couldNotGrow = false;

  constructor(
    private readonly core: HeapCore,
    private readonly attachment: Attachment,
  ) {
    const { region } = core;
    this.i32 = region.i32;
    this.granuleSize = 1 << region.granuleShift;
    this.gate = slotAt(core.slot) + Slot.gate;
  }

  /** Pointer to a new block of the class, or of a larger one; 0 when memory is out. */
  small(sizeClass: SizeClass): number {
    const { extents, large } = this.core;
    let ptr = this.take(sizeClass);
    // where nothing can grow, this first: to empty all caches for each such block would cost every thread much more
    if (ptr === 0 && (this.couldNotGrow || extents.unbacked.isEmpty)) ptr = this.takeRoomier(sizeClass);
    if (ptr === 0 && this.reclaim()) ptr = this.take(sizeClass);
    if (ptr !== 0) return ptr;
    const pages = SLAB_SHAPES[sizeClass].pages + 1; // one for block states
    ptr = this.growing(pages, 1, 1, () => this.take(sizeClass)) || this.takeRoomier(sizeClass);
    if (ptr !== 0 || extents.isScarce) return ptr;
    return this.attachment.explaining(() => large.allocate(CLASS_SIZE[sizeClass], 1));
  }

  /** Pointer to a new block of whole pages; 0 when memory is out. */
  large(size: number, alignment: number): number {
    this.attachment.require();
    const { large, region } = this.core;
    try {
      let ptr = large.allocate(size, alignment);
      if (ptr !== 0 || size > region.size) return ptr;
      if (this.reclaim()) ptr = large.allocate(size, alignment);
      if (ptr !== 0) return ptr;
      const boundary = Math.min(Math.ceil(alignment / PAGE_SIZE), region.pages);
      return this.growing(pagesFor(size), boundary, 0, () => large.allocate(size, alignment));
    } catch (error) {
      throw this.attachment.explained(error);
    }
  }

  /** A block of the class from this thread's cache, filled if it is empty; 0 if there is none. */
  private take(sizeClass: SizeClass): number {
    const cache = this.attachment.require();
    const { i32, gate } = this;
    const { locks } = this.core;
    let granule = 0;
    try {
      locks.lock(gate);
      granule = cache.take(sizeClass);
      locks.unlock(gate);
      return granule * this.granuleSize;
    } catch (error) {
      if (i32[gate] === locks.me) i32[gate] = ABANDONED;
      if (granule !== 0) return granule * this.granuleSize; // only the unlock failed
      throw this.attachment.explained(error);
    }
  }

  /**
   * A larger block than one of the class, of a class with shorter slabs: where many pages are free, and lie too scattered for the
   * class's own. Where few are free that would cost more than it gives, for a full heap would hold less.
   */
  private takeRoomier(sizeClass: SizeClass): number {
    if (this.core.extents.isScarce) return 0;
    let ptr = 0;
    for (let other = SHORTER_CLASS[sizeClass]; other >= 0 && ptr === 0; other = SHORTER_CLASS[other])
      ptr = this.take(asSizeClass(other));
    return ptr;
  }

  /** Gives back what this heap can spare before a caller hears that memory is out. */
  private reclaim(): boolean {
    this.attachment.require();
    return this.attachment.explaining(() => reclaim(this.core));
  }

  /** What `take` gets as soon as the heap has grown by enough; 0 if it can't grow. */
  private growing(pages: number, alignment: number, own: number, take: () => number): number {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      this.couldNotGrow = !this.attachment.explaining(() => this.core.backing.grow(pages, alignment, own));
      if (this.couldNotGrow) return 0;
      const ptr = take();
      if (ptr !== 0) return ptr;
    }
    return 0;
  }
}
