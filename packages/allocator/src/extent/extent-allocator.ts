// Runs of pages: split from free extents, given back and merged with their free neighbours. One lock for the
// region protects the page map, the index of free extents and the state pages.
//
// Callers' pages (large blocks, slabs) are taken from the end of a free extent, the heap's own (states, caches) from the
// start, so that these gather at the low end and don't fragment the rest. Two exceptions: the low part of a region goes
// first (see `free-extents`), for offsets below 2^31 are small integers in V8; and where a region can still grow callers,
// too, get the start, if it lies in the low part or the heap has no use for it: what is left over lies where it grows on.
//
// A free extent knows of one run of its pages that nobody has written to since they got their storage: `take` tells
// what it took of that. Repair forgets it.
//
// Each change becomes true with one store of one tag, so the tags tile the region at every instant
// [PAGE-1]. Between `take` and `commit` an extent is `pending`: if its thread dies there, repair frees it.

import { NULL_PAGE, alignDown, alignUp, asPage, pageAfter, pageBefore, type PageIndex } from '../base/units';
import { PageKind } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Backing, Extents } from '../layout/region-layout';
import type { OwnedLocks } from '../sync/lock';
import { extentEndingAt, extentLength } from './extent-walk';
import { FreeExtents, LOW_PAGES, OWN_END } from './free-extents';
import { UnbackedExtents } from './unbacked-extents';

/** Pages from `from` up to `to`; none if they are equal. */
export interface PageRange {
  readonly from: number;
  readonly to: number;
}

/** Pages that are worth giving back to the file system at once: 256 KiB. */
export const LONG_FREE = 64;

/** Pages are scarce when less than an eighth of those with storage is free; as a shift. */
export const SCARCE_SHIFT = 3;

export class ExtentAllocator {
  readonly free: FreeExtents;
  readonly unbacked: UnbackedExtents;
  /** Pages of what was taken last that are known to be zero. Lock held. No object: malloc leaves none on V8's heap. */
  zeroFrom = 0;
  zeroTo = 0;
  /** Set when something was given back that is, with its free neighbours, at least `LONG_FREE` pages long. */
  hasLongFree = false;
  private readonly i32: Int32Array;
  private readonly pageMap;

  constructor(
    private readonly region: Region,
    private readonly locks: OwnedLocks,
  ) {
    this.i32 = region.i32;
    this.pageMap = region.pageMap;
    this.free = new FreeExtents(region.i32, region.pageMap);
    this.unbacked = new UnbackedExtents(region.i32, region.pageMap);
  }

  /** Whether memory is better used twice than quickly. A guess if the lock is not held. */
  get isScarce(): boolean {
    return this.i32[Extents.freePages] < this.region.backedDataPages >> SCARCE_SHIFT;
  }

  /**
   * Runs `action` with the extent lock; see `OwnedLocks.during`.
   * @throws VmemError ECLOSED if the heap was deleted meanwhile
   */
  locked<T>(action: () => T): T {
    return this.locks.during(Extents.lock, action, this.region);
  }

  /** For warm paths, which write out what `locked` does: see `OwnedLocks.during`. */
  lock(): void {
    this.locks.lock(Extents.lock, this.region);
  }

  unlock(): void {
    this.locks.unlock(Extents.lock);
  }

  /**
   * Writes the page map of an empty region, the first `dataPages` data pages of which have storage, and nothing but zeros
   * if it is `zeroed`. Only `create` calls this, before anybody else can see it.
   */
  format(dataPages: number, zeroed: boolean): void {
    const { region, pageMap } = this;
    const first = asPage(region.firstDataPage);
    const end = pageAfter(first, dataPages);
    pageMap.setTag(NULL_PAGE, PageKind.reserved, first);
    if (end < region.pages) this.unbacked.add(end, region.pages - end);
    this.setFree(first, dataPages, first, zeroed ? end : first);
    this.i32[Extents.freePages] = dataPages;
  }

  /** A caller's extent of `pages` pages in kind `pending`, or `NULL_PAGE`. Lock held; `commit` or `release` follows. */
  take(pages: number): PageIndex {
    const page = this.free.find(pages);
    if (page === NULL_PAGE) return NULL_PAGE;
    const length = this.pageMap.length(page);
    const end = pageAfter(page, length);
    const isLow = page + pages <= LOW_PAGES;
    const from = end - pages >= OWN_END ? Math.max(page, OWN_END) : page;
    let at = isLow ? Math.min(end, LOW_PAGES) - pages : end - pages;
    // pages behind it can join it: what is left of it should be there then
    const canGrow = this.unbacked.beginsAt(end);
    if (canGrow && isLow) at = page;
    else if (canGrow && !this.isOwn(from)) at = from;
    return this.carve(page, length, asPage(at), pages);
  }

  /** Whether pages from `at` on that don't fit in the low part had better be left to the heap: it has them below 4 GiB only. */
  private isOwn(at: number): boolean {
    return this.pageMap.pages > OWN_END && at < OWN_END;
  }

  /** The same for the heap's own pages, which end at page `limit` at the latest. */
  takeBelow(pages: number, limit: number): PageIndex {
    const page = this.free.findBelow(pages, limit);
    return page === NULL_PAGE ? NULL_PAGE : this.carve(page, this.pageMap.length(page), page, pages);
  }

  /** The same at a multiple of `alignment` pages. */
  takeAligned(pages: number, alignment: number): PageIndex {
    const page = this.free.findAligned(pages, alignment);
    if (page === NULL_PAGE) return NULL_PAGE;
    const length = this.pageMap.length(page);
    const end = pageAfter(page, length);
    let at = alignUp(page, alignment);
    if (at + pages > LOW_PAGES && this.isOwn(at)) {
      const behind = alignUp(Math.max(page, OWN_END), alignment);
      const last = alignDown(end - pages, alignment);
      at = this.unbacked.beginsAt(end) && behind + pages <= end ? behind : last;
    }
    return this.carve(page, length, asPage(at), pages);
  }

  /** Makes a pending extent what it is to be. Lock held. */
  commit(page: PageIndex, kind: PageKind): void {
    this.pageMap.setTag(page, kind, this.pageMap.length(page));
  }

  /**
   * Gives an extent of any kind but `free` back, of which the pages `zeroFrom` up to `zeroTo` are known to be zero. Of what it
   * joins both such runs are known if they are neighbours, else the longer one. Lock held.
   */
  release(page: PageIndex, zeroFrom = 0, zeroTo = 0): void {
    const { pageMap, free } = this;
    const pages = extentLength(pageMap, page);
    pageMap.setTag(page, PageKind.pending, pages);
    let start = page;
    let end = pageAfter(page, pages);
    let from = zeroFrom;
    let to = zeroTo;
    if (end < pageMap.pages && pageMap.kind(end) === PageKind.free) {
      const length = extentLength(pageMap, end);
      const nextFrom = pageMap.zeroFrom(end);
      const nextTo = pageMap.zeroTo(end);
      if (from < to && to === nextFrom) to = nextTo;
      else if (nextTo - nextFrom > to - from) {
        from = nextFrom;
        to = nextTo;
      }
      free.remove(end, length);
      end = pageAfter(end, length);
    }
    const last = pageBefore(page, 1);
    const lastKind = pageMap.kind(last);
    if (lastKind === PageKind.free || lastKind === PageKind.freeTail) {
      start = extentEndingAt(pageMap, last, PageKind.free);
      const length = page - start;
      const lastFrom = pageMap.zeroFrom(start);
      const lastTo = pageMap.zeroTo(start);
      if (from < to && lastTo === from) from = lastFrom;
      else if (lastTo - lastFrom >= to - from) {
        from = lastFrom;
        to = lastTo;
      }
      free.remove(start, length);
    }
    pageMap.setTag(start, PageKind.free, end - start); // the merge is true from here
    if (start !== page) {
      pageMap.clearTag(page);
      if (last !== start) pageMap.clearTag(last);
    }
    if (end !== page + pages) pageMap.clearTag(pageAfter(page, pages));
    this.setFree(start, end - start, from, to);
    if (end - start >= LONG_FREE) this.hasLongFree = true;
    this.i32[Extents.freePages] += pages;
  }

  /** Makes pages inside an unbacked extent, which have got storage and are `zeroed` or not, free. Lock held. */
  publish(page: PageIndex, pages: number, zeroed: boolean): void {
    const { hasLongFree } = this;
    this.unbacked.carve(this.unbacked.having(page, pages), page, pages);
    this.release(page, page, zeroed ? page + pages : page);
    this.hasLongFree = hasLongFree;
  }

  /** Makes a free extent unbacked; its storage is taken away next. Lock held. */
  withdraw(page: PageIndex): void {
    const length = this.pageMap.length(page);
    this.free.remove(page, length);
    if (length > 1) this.pageMap.clearTag(pageAfter(page, length - 1));
    this.unbacked.add(page, length);
    this.i32[Extents.freePages] -= length;
  }

  /** Lengthens an extent into the free pages behind it; false if there are not enough. Lock held. */
  grow(page: PageIndex, pages: number): boolean {
    const { pageMap } = this;
    const old = pageMap.length(page);
    const next = pageAfter(page, old);
    const need = pages - old;
    if (next >= pageMap.pages || pageMap.kind(next) !== PageKind.free) return false;
    const available = extentLength(pageMap, next);
    if (available < need) return false;
    this.free.remove(next, available);
    const rest = available - need;
    const restAt = pageAfter(next, need);
    const zeroFrom = pageMap.zeroFrom(next);
    const zeroTo = pageMap.zeroTo(next);
    if (rest > 0) pageMap.setTag(restAt, PageKind.free, rest);
    pageMap.setTag(page, pageMap.kind(page), pages); // the growth is true from here
    pageMap.clearTag(next);
    if (rest > 0) this.setFree(restAt, rest, zeroFrom, zeroTo);
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
    this.pageMap.withdrawClass(page, length);
    this.pageMap.setTag(page, PageKind.free, length);
    for (let i = 1; i < length; i++) this.pageMap.clearTag(pageAfter(page, i));
    this.setFree(page, length, 0, 0);
  }

  /** Repair only: the same for pages without storage. Lock held. */
  restoreUnbacked(page: PageIndex, length: number): void {
    const records = Math.min(length, this.i32[Backing.mapped] - page);
    for (let i = 1; i < records; i++) this.pageMap.clearTag(pageAfter(page, i));
    this.unbacked.add(page, length);
  }

  /** Takes pages `at ... at + pages` out of the free extent at `page`. */
  private carve(page: PageIndex, length: number, at: PageIndex, pages: number): PageIndex {
    const { pageMap } = this;
    const before = at - page;
    const behind = pageAfter(at, pages);
    const rest = length - before - pages;
    const zeroFrom = pageMap.zeroFrom(page);
    const zeroTo = pageMap.zeroTo(page);
    this.zeroFrom = Math.max(zeroFrom, at);
    this.zeroTo = Math.max(Math.min(zeroTo, behind), this.zeroFrom);
    this.free.remove(page, length);
    if (rest > 0) this.setFreeTags(behind, rest);
    else if (pages > 1) pageMap.clearTag(pageBefore(behind, 1));
    pageMap.setTag(at, PageKind.pending, pages);
    if (before > 0) this.setFree(page, before, zeroFrom, zeroTo); // its tag makes the split true; without it, the tag above
    if (rest > 0) this.insertFree(behind, rest, zeroFrom, zeroTo);
    this.i32[Extents.freePages] -= pages;
    return at;
  }

  private setFree(page: PageIndex, length: number, zeroFrom: number, zeroTo: number): void {
    this.setFreeTags(page, length);
    this.insertFree(page, length, zeroFrom, zeroTo);
  }

  /** @param zeroFrom,zeroTo what is known to be zero, of these pages and others */
  private insertFree(page: PageIndex, length: number, zeroFrom: number, zeroTo: number): void {
    const from = Math.max(zeroFrom, page);
    const to = Math.min(zeroTo, page + length);
    if (from < to) this.pageMap.setZeroRun(page, from, to);
    else this.pageMap.setZeroRun(page, 0, 0);
    this.free.insert(page, length);
  }

  private setFreeTags(page: PageIndex, length: number): void {
    this.pageMap.setTag(page, PageKind.free, length);
    if (length > 1) this.pageMap.setTag(pageAfter(page, length - 1), PageKind.freeTail, length);
  }
}
