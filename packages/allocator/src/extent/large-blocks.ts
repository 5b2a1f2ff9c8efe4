// Blocks of more than the largest size class: whole pages, straight from the extents. The page map's tag says
// live or not, and it changes under the extent lock only, so of two threads that free one block one is refused.

import { NULL_PAGE, PAGE_SIZE, offsetToPage, pagesFor, pageToOffset, type PageIndex } from '../base/units';
import { LENGTH_BITS, PageKind, PageRecord } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Extents } from '../layout/region-layout';
import { ABANDONED, type OwnedLocks } from '../sync/lock';
import type { ExtentAllocator } from './extent-allocator';

export class LargeBlocks {
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
          ? extents.take(pages, 'high')
          : extents.takeAligned(pages, Math.min(alignment / PAGE_SIZE, this.region.pages));
      if (page !== NULL_PAGE) {
        extents.commit(page, PageKind.large);
        taken = page;
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
    const page = offsetToPage(ptr);
    if (!this.isLive(ptr, page)) return false;
    const { extents } = this;
    const { i32, pageMap } = this.region;
    let isLive = false;
    try {
      extents.lock();
      isLive = this.isLive(ptr, page); // another thread may have been faster
      if (isLive) {
        this.count(-1, -pageMap.length(page));
        extents.release(page);
      }
      extents.unlock();
      return isLive;
    } catch (error) {
      // it is freed as soon as the tag is another, and the rest is repaired
      const isFreed = isLive && pageMap.words[page << PageRecord.shift] >>> LENGTH_BITS !== PageKind.large;
      const isMine = i32[Extents.lock] === this.locks.me;
      if (isMine) i32[Extents.lock] = ABANDONED;
      if (isFreed) return true;
      throw error;
    }
  }

  /** Bytes of the live block at `ptr`, or -1. */
  usableSize(ptr: number): number {
    const page = offsetToPage(ptr);
    return this.isLive(ptr, page) ? this.region.pageMap.length(page) * PAGE_SIZE : -1;
  }

  /** Changes the size of a live block without moving it; false if that can't be. */
  resize(ptr: number, size: number): boolean {
    const pages = pagesFor(size);
    if (pages > this.region.pages) return false;
    const page = offsetToPage(ptr);
    const { extents } = this;
    const { pageMap } = this.region;
    try {
      extents.lock();
      const old = this.isLive(ptr, page) ? pageMap.length(page) : 0;
      const fits = old > 0 && (pages <= old || extents.grow(page, pages));
      if (fits && pages < old) extents.shrink(page, pages);
      if (fits) this.count(0, pages - old);
      extents.unlock();
      return fits;
    } catch (error) {
      if (this.region.i32[Extents.lock] === this.locks.me) this.region.i32[Extents.lock] = ABANDONED;
      throw error;
    }
  }

  private isLive(ptr: number, page: PageIndex): boolean {
    return (
      ptr % PAGE_SIZE === 0 && page < this.region.pages && this.region.pageMap.kind(page) === PageKind.large
    );
  }

  private count(extents: number, pages: number): void {
    this.region.i32[Extents.largeExtents] += extents;
    this.region.i32[Extents.largePages] += pages;
  }
}
