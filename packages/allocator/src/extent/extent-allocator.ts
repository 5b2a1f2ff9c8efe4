// Runs of pages: split from free extents, given back and merged with their free neighbours. One lock for the
// region protects the page map, the index of free extents and the state pages.
//
// Blocks of callers are taken from the end of a free extent, the heap's own pages from the start, so that the
// heap's own pages gather at the low end and don't fragment the rest. Up to 2 GiB the low end serves both:
// offsets below 2^31 are small integers in V8.
//
// Each change becomes true with one store of one tag, so the tags tile the region at every instant
// [PAGE-1]. Between `take` and `commit` an extent is `pending`: if its thread dies there, repair frees it.

import { NULL_PAGE, asPage, pageAfter, pageBefore, type PageIndex } from '../base/units';
import { VmemError } from '../base/errors';
import { PageKind } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Extents } from '../layout/region-layout';
import type { OwnedLocks } from '../sync/lock';
import { FreeExtents } from './free-extents';

/** The page at 2 GiB. */
const SMALL_INTEGER_PAGES = 2 ** 31 / 4096;

/** Which end of a free extent to take. */
export type Placement = 'low' | 'high';

export class ExtentAllocator {
  readonly free: FreeExtents;
  private readonly i32: Int32Array;
  private readonly pageMap;

  constructor(
    private readonly region: Region,
    private readonly locks: OwnedLocks,
  ) {
    this.i32 = region.i32;
    this.pageMap = region.pageMap;
    this.free = new FreeExtents(region.i32, region.pageMap);
  }

  /** @throws VmemError ECLOSED if the heap was deleted meanwhile */
  lock(): void {
    this.locks.lock(Extents.lock);
    if (!this.region.isOpen) {
      this.locks.unlock(Extents.lock);
      throw new VmemError('ECLOSED', 'the heap was deleted');
    }
  }

  unlock(): void {
    this.locks.unlock(Extents.lock);
  }

  /** Writes the page map of an empty region. Only `create` calls this, before anybody else can see it. */
  format(): void {
    const { region, pageMap } = this;
    const first = asPage(region.firstDataPage);
    pageMap.setTag(NULL_PAGE, PageKind.reserved, first);
    this.setFree(first, region.pages - first);
    this.i32[Extents.freePages] = region.pages - first;
  }

  /** An extent of `pages` pages in kind `pending`, or `NULL_PAGE`. Lock held; `commit` or `release` follows. */
  take(pages: number, placement: Placement): PageIndex {
    const page = this.free.find(pages);
    if (page === NULL_PAGE) return NULL_PAGE;
    const length = this.pageMap.length(page);
    if (placement === 'low') return this.carve(page, length, page, pages);
    // below 2 GiB if it fits there; if not, what is between that and 4 GiB is for the state pages until all else is full
    const end =
      page + pages <= SMALL_INTEGER_PAGES ? Math.min(page + length, SMALL_INTEGER_PAGES) : page + length;
    return this.carve(page, length, asPage(end - pages), pages);
  }

  /** The same at a multiple of `alignment` pages. */
  takeAligned(pages: number, alignment: number): PageIndex {
    const page = this.free.findAligned(pages, alignment);
    if (page === NULL_PAGE) return NULL_PAGE;
    const length = this.pageMap.length(page);
    return this.carve(page, length, asPage(Math.ceil(page / alignment) * alignment), pages);
  }

  /** Makes a pending extent what it is to be. Lock held. */
  commit(page: PageIndex, kind: PageKind): void {
    this.pageMap.setTag(page, kind, this.pageMap.length(page));
  }

  /** Gives an extent of any kind but `free` back. Lock held. */
  release(page: PageIndex): void {
    const { pageMap, free } = this;
    const pages = pageMap.length(page);
    pageMap.setTag(page, PageKind.pending, pages);
    let start = page;
    let end = pageAfter(page, pages);
    if (end < pageMap.pages && pageMap.kind(end) === PageKind.free) {
      const length = pageMap.length(end);
      free.remove(end, length);
      end = pageAfter(end, length);
    }
    const last = pageBefore(page, 1);
    const lastKind = pageMap.kind(last);
    if (lastKind === PageKind.free || lastKind === PageKind.freeTail) {
      const length = pageMap.length(last);
      start = pageBefore(page, length);
      free.remove(start, length);
    }
    pageMap.setTag(start, PageKind.free, end - start); // the merge is true from here
    if (start !== page) {
      pageMap.clearTag(page);
      if (last !== start) pageMap.clearTag(last);
    }
    if (end !== page + pages) pageMap.clearTag(pageAfter(page, pages));
    this.setFree(start, end - start);
    this.i32[Extents.freePages] += pages;
  }

  /** Lengthens an extent into the free pages behind it; false if there are not enough. Lock held. */
  grow(page: PageIndex, pages: number): boolean {
    const { pageMap } = this;
    const old = pageMap.length(page);
    const next = pageAfter(page, old);
    const need = pages - old;
    if (next >= pageMap.pages || pageMap.kind(next) !== PageKind.free) return false;
    const available = pageMap.length(next);
    if (available < need) return false;
    this.free.remove(next, available);
    const rest = available - need;
    const restAt = pageAfter(next, need);
    if (rest > 0) pageMap.setTag(restAt, PageKind.free, rest);
    pageMap.setTag(page, pageMap.kind(page), pages); // the growth is true from here
    pageMap.clearTag(next);
    if (rest > 0) this.setFree(restAt, rest);
    else if (available > 1) pageMap.clearTag(pageAfter(next, available - 1));
    this.i32[Extents.freePages] -= need;
    return true;
  }

  /** Shortens an extent and gives the rest back. Lock held. */
  shrink(page: PageIndex, pages: number): void {
    const { pageMap } = this;
    const rest = pageAfter(page, pages);
    pageMap.setTag(rest, PageKind.pending, pageMap.length(page) - pages);
    pageMap.setTag(page, pageMap.kind(page), pages); // the split is true from here
    this.release(rest);
  }

  /** Repair only: makes `length` pages one free extent and forgets what stood inside. Lock held. */
  restoreFree(page: PageIndex, length: number): void {
    for (let i = 0; i < length; i++) this.pageMap.clearSlabPage(pageAfter(page, i));
    this.pageMap.setTag(page, PageKind.free, length);
    for (let i = 1; i < length; i++) this.pageMap.clearTag(pageAfter(page, i));
    this.setFree(page, length);
  }

  /** Takes pages `at ... at + pages` out of the free extent at `page`. */
  private carve(page: PageIndex, length: number, at: PageIndex, pages: number): PageIndex {
    const { pageMap } = this;
    const before = at - page;
    const behind = pageAfter(at, pages);
    const rest = length - before - pages;
    this.free.remove(page, length);
    if (rest > 0) this.setFreeTags(behind, rest);
    else if (pages > 1) pageMap.clearTag(pageBefore(behind, 1));
    pageMap.setTag(at, PageKind.pending, pages);
    if (before > 0) this.setFree(page, before); // its tag makes the split true; without it, the tag above
    if (rest > 0) this.free.insert(behind, rest);
    this.i32[Extents.freePages] -= pages;
    return at;
  }

  private setFree(page: PageIndex, length: number): void {
    this.setFreeTags(page, length);
    this.free.insert(page, length);
  }

  private setFreeTags(page: PageIndex, length: number): void {
    this.pageMap.setTag(page, PageKind.free, length);
    if (length > 1) this.pageMap.setTag(pageAfter(page, length - 1), PageKind.freeTail, length);
  }
}
