// Blocks of more than the largest size class: whole pages, straight from the extents. The page map's tag says
// live or not, and it changes under the extent lock only, so of two threads that free one block one is refused.

import { NULL_PAGE, PAGE_SIZE, offsetToPage, pagesFor, pageToOffset, type PageIndex } from '../base/units';
import { PageKind } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Extents } from '../layout/region-layout';
import type { ExtentAllocator } from './extent-allocator';

export class LargeBlocks {
  constructor(
    private readonly region: Region,
    private readonly extents: ExtentAllocator,
  ) {}

  /** Offset of a new block, or 0. `alignment` in bytes, a power of two. */
  allocate(size: number, alignment: number): number {
    const pages = pagesFor(size);
    if (pages > this.region.pages) return 0;
    const { extents } = this;
    extents.lock();
    try {
      const page =
        alignment <= PAGE_SIZE
          ? extents.take(pages, 'high')
          : extents.takeAligned(pages, Math.min(alignment / PAGE_SIZE, this.region.pages));
      if (page !== NULL_PAGE) {
        extents.commit(page, PageKind.large);
        this.count(1, pages);
      }
      return pageToOffset(page);
    } finally {
      extents.unlock();
    }
  }

  /** False if `ptr` is not the start of a live large block. */
  free(ptr: number): boolean {
    const page = offsetToPage(ptr);
    if (!this.isLive(ptr, page)) return false;
    const { extents } = this;
    extents.lock();
    try {
      if (!this.isLive(ptr, page)) return false; // another thread was faster
      this.count(-1, -this.region.pageMap.length(page));
      extents.release(page);
      return true;
    } finally {
      extents.unlock();
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
    extents.lock();
    try {
      if (!this.isLive(ptr, page)) return false;
      const old = pageMap.length(page);
      if (pages > old && !extents.grow(page, pages)) return false;
      if (pages < old) extents.shrink(page, pages);
      this.count(0, pages - old);
      return true;
    } finally {
      extents.unlock();
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
