// Blocks of more than the largest size class: whole pages, from the extents, under the extent lock. The page map's
// tag says live or not, and a free replaces it in one atomic step, so of two threads that free one block one is
// refused. Thread caches keep some of what was freed: see `layout/thread-cache`.

import { VmemError } from '../base/errors';
import {
  NULL_PAGE,
  PAGE_SHIFT,
  PAGE_SIZE,
  asPage,
  offsetToPage,
  pagesFor,
  pageToOffset,
  type PageIndex,
} from '../base/units';
import { PageKind, cachedRunTag, kindOf, lengthOf, tagOf } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Extents } from '../layout/region-layout';
import { ENTRY } from '../layout/thread-cache-layout';
import { ABANDONED, type OwnedLocks } from '../sync/lock';
import type { ExtentAllocator } from './extent-allocator';

export class LargeBlocks {
  /** Bytes of the block that was allocated last that are known to be zero, as offsets. */
  zeroFrom = 0;
  zeroTo = 0;

  constructor(
    private readonly region: Region,
    private readonly locks: OwnedLocks,
    private readonly extents: ExtentAllocator,
  ) {}

  /** Offset of a new block, or 0. `alignment` in bytes, a power of two. */
  allocate(size: number, alignment: number): number {
    const pages = pagesFor(size);
    if (pages > this.region.pages) return 0;
    const { extents } = this;
    let taken = 0;
    try {
      extents.lock();
      const page =
        alignment <= PAGE_SIZE
          ? extents.take(pages)
          : extents.takeAligned(pages, Math.min(alignment / PAGE_SIZE, this.region.pages));
      if (page !== NULL_PAGE) {
        extents.commit(page, PageKind.large);
        taken = page;
        this.zeroFrom = extents.zeroFrom * PAGE_SIZE;
        this.zeroTo = extents.zeroTo * PAGE_SIZE;
        this.count(1, pages);
      }
      extents.unlock();
      return pageToOffset(page);
    } catch (error) {
      if (this.region.i32[Extents.lock] === this.locks.me) this.region.i32[Extents.lock] = ABANDONED;
      if (taken !== 0) return taken * PAGE_SIZE; // only the counting failed, and is repaired
      throw error;
    }
  }

  /** False if `ptr` is not the start of a live large block. */
  free(ptr: number): boolean {
    if (this.livePages(ptr) === 0) return false;
    const page = offsetToPage(ptr);
    const { extents } = this;
    const { i32, pageMap } = this.region;
    let isOurs = false;
    try {
      extents.lock();
      const pages = this.pagesNow(ptr);
      // another thread may be faster
      isOurs = pages > 0 && pageMap.replaceLarge(page, pages, tagOf(PageKind.pending, pages));
      if (isOurs) {
        this.count(-1, -pages);
        extents.release(page);
      }
      extents.unlock();
      return isOurs;
    } catch (error) {
      if (i32[Extents.lock] === this.locks.me) i32[Extents.lock] = ABANDONED;
      if (isOurs) return true; // it is freed as soon as the tag is another, and the rest is repaired
      throw error;
    }
  }

  /**
   * Gives the runs of the entries from word `from` to word `to` back; they are in the cache of `slot`.
   * @throws VmemError ECORRUPT if one is not
   */
  returnRuns(from: number, to: number, pages: number, slot: number): void {
    const { extents } = this;
    const { i32, pageMap, granuleShift } = this.region;
    extents.locked(() => {
      for (let entry = from; entry < to; entry += ENTRY) {
        const page = asPage(i32[entry] >>> (PAGE_SHIFT - granuleShift));
        if (page >= pageMap.pages || pageMap.tag(page) !== cachedRunTag(slot, pages)) {
          throw new VmemError(
            'ECORRUPT',
            `[CACHE-1] entry at word ${entry}: its pages are not in this cache`,
          );
        }
        this.count(-1, -pages);
        extents.release(page);
      }
    });
  }

  /** Bytes of the live block at `ptr`, or -1. */
  usableSize(ptr: number): number {
    const pages = this.livePages(ptr);
    return pages > 0 ? pages * PAGE_SIZE : -1;
  }

  /** Changes the size of a live block without moving it; false if that can't be. */
  resize(ptr: number, size: number): boolean {
    const pages = pagesFor(size);
    if (pages > this.region.pages) return false;
    const page = offsetToPage(ptr);
    const { extents } = this;
    const { pageMap } = this.region;
    return extents.locked(() => {
      const old = this.pagesNow(ptr);
      // nobody frees it meanwhile
      const isOurs = old > 0 && pageMap.replaceLarge(page, old, tagOf(PageKind.resizing, old));
      const fits = isOurs && (pages <= old || extents.grow(page, pages));
      if (fits && pages < old) extents.shrink(page, pages);
      if (fits) this.count(0, pages - old);
      if (isOurs) pageMap.setTag(page, PageKind.large, fits ? pages : old);
      return fits;
    });
  }

  /** Pages of the live block at `ptr`, or 0; waits while its length changes. Lock not held. */
  private livePages(ptr: number): number {
    let pages = this.pagesNow(ptr);
    for (; pages < 0; pages = this.pagesNow(ptr)) this.awaitResize(offsetToPage(ptr));
    return pages;
  }

  /** Pages of the live block at `ptr`; 0: there is none; negative: its length changes. */
  private pagesNow(ptr: number): number {
    const page = offsetToPage(ptr);
    if (ptr % PAGE_SIZE !== 0 || page >= this.region.pages) return 0;
    const tag = this.region.pageMap.tag(page); // read once: without the lock it may be another at the next look
    const kind = kindOf(tag);
    if (kind !== PageKind.large) return kind === PageKind.resizing ? -1 : 0;
    const pages = lengthOf(tag);
    if (pages === 0 || page + pages > this.region.pages)
      throw new VmemError('ECORRUPT', `[PAGE-1] page ${page}: a block of ${pages} pages`);
    return pages;
  }

  /** Whoever changes the block's length has the lock, or has left it for repair. */
  private awaitResize(page: PageIndex): void {
    const { pageMap } = this.region;
    const isLeft = this.extents.locked(() => pageMap.kind(page) === PageKind.resizing);
    if (isLeft) throw new VmemError('ECORRUPT', `[PAGE-1] page ${page}: resizing with the lock free`);
  }

  private count(extents: number, pages: number): void {
    this.region.i32[Extents.largeExtents] += extents;
    this.region.i32[Extents.largePages] += pages;
  }
}
