// Extents without storage: address space of a region that has not grown so far, and pages that were given back to the
// file system. `take` does not find them; `PageBacking` turns them into free extents and free extents into them. The
// extent lock protects their list and their tags, and only a thread with the backing lock changes which there are.
//
// [UNBACKED-1] Every unbacked extent is in the list of them, once, and nothing else is.

import { VmemError } from '../base/errors';
import { NULL_PAGE, pageAfter, pageBefore, type PageIndex } from '../base/units';
import { PageLists } from '../layout/page-list';
import { PageKind, type PageMap } from '../layout/page-map';
import { Extents } from '../layout/region-layout';
import { extentEndingAt, extentLength } from './extent-walk';

export class UnbackedExtents {
  private readonly lists: PageLists;

  constructor(
    private readonly i32: Int32Array,
    private readonly pageMap: PageMap,
  ) {
    this.lists = new PageLists(i32, pageMap, '[UNBACKED-1]');
  }

  get isEmpty(): boolean {
    return this.i32[Extents.unbacked] === NULL_PAGE;
  }

  /** All of them, in no order. */
  *members(): Generator<PageIndex, undefined, undefined> {
    for (let at = this.lists.first(Extents.unbacked); at !== NULL_PAGE; at = this.lists.next(at)) {
      if (this.pageMap.kind(at) !== PageKind.unbacked)
        throw new VmemError(
          'ECORRUPT',
          `[UNBACKED-1] page ${at}: in the list of unbacked extents, but is none`,
        );
      yield at;
    }
  }

  /** Repair only: forgets all of them. */
  clear(): void {
    this.i32.fill(0, Extents.unbackedPages, Extents.unbacked + 1);
  }

  /** Makes pages that are in no list unbacked; the tag of the first makes it true. */
  add(page: PageIndex, length: number): void {
    this.setTags(page, length);
    this.insert(page, length);
  }

  /** The unbacked extent that has all of these pages, or `NULL_PAGE`. */
  around(page: PageIndex, pages: number): PageIndex {
    const { pageMap } = this;
    for (const at of this.members())
      if (at <= page && page + pages <= at + extentLength(pageMap, at)) return at;
    return NULL_PAGE;
  }

  /**
   * The same for pages that must be in one.
   * @throws VmemError ECORRUPT if they are in none
   */
  having(page: PageIndex, pages: number): PageIndex {
    const at = this.around(page, pages);
    if (at === NULL_PAGE)
      throw new VmemError('ECORRUPT', `[UNBACKED-1] pages ${page} to ${page + pages}: in no unbacked extent`);
    return at;
  }

  /** Whether an unbacked extent lies right in front of or behind a free one, which would join it. */
  isBeside(page: PageIndex): boolean {
    return this.endsAt(pageBefore(page, 1)) || this.beginsAt(this.endOf(page));
  }

  /** A free extent between two of them, which it would make one, or `NULL_PAGE`. */
  between(): PageIndex {
    const { pageMap } = this;
    for (const at of this.members()) {
      const page = this.endOf(at);
      const isFree = page < pageMap.pages && pageMap.kind(page) === PageKind.free;
      if (isFree && this.beginsAt(this.endOf(page))) return page;
    }
    return NULL_PAGE;
  }

  /** Whether the page, which may be one behind the last, is the first of an unbacked extent. */
  beginsAt(page: PageIndex): boolean {
    return page < this.pageMap.pages && this.pageMap.kind(page) === PageKind.unbacked;
  }

  /** Whether the page is the last of an unbacked extent. */
  private endsAt(page: PageIndex): boolean {
    const kind = this.pageMap.kind(page);
    return kind === PageKind.unbacked || kind === PageKind.unbackedTail;
  }

  private endOf(page: PageIndex): PageIndex {
    return pageAfter(page, extentLength(this.pageMap, page));
  }

  /** Makes a part of the unbacked extent at `page` an extent of kind `pending`. */
  carve(page: PageIndex, at: PageIndex, pages: number): void {
    const { pageMap } = this;
    const length = extentLength(pageMap, page);
    const before = at - page;
    const behind = pageAfter(at, pages);
    const rest = length - before - pages;
    this.remove(page, length);
    if (rest > 0) this.setTags(behind, rest);
    else if (pages > 1) pageMap.clearTag(pageBefore(behind, 1));
    pageMap.setTag(at, PageKind.pending, pages);
    if (before > 0) this.setTags(page, before); // its tag makes the split true; without it, the tag above
    if (before > 0) this.insert(page, before);
    if (rest > 0) this.insert(behind, rest);
  }

  /** Joins the unbacked extent at `page` with unbacked neighbours. */
  join(page: PageIndex): void {
    const { pageMap } = this;
    const end = pageAfter(page, pageMap.length(page));
    if (this.beginsAt(end)) this.merge(page, end);
    const last = pageBefore(page, 1);
    if (this.endsAt(last)) this.merge(extentEndingAt(pageMap, last, PageKind.unbacked), page);
  }

  private merge(one: PageIndex, next: PageIndex): void {
    const { pageMap } = this;
    const first = extentLength(pageMap, one);
    const second = extentLength(pageMap, next);
    this.remove(one, first);
    this.remove(next, second);
    pageMap.setTag(one, PageKind.unbacked, first + second); // the merge is true from here
    pageMap.clearTag(next);
    if (first > 1) pageMap.clearTag(pageBefore(next, 1));
    this.add(one, first + second);
  }

  /** The records of the region's last pages may have no storage, so there is no tail. */
  private setTags(page: PageIndex, length: number): void {
    const { pageMap } = this;
    const last = pageAfter(page, length - 1);
    if (length > 1 && last + 1 < pageMap.pages) pageMap.setTag(last, PageKind.unbackedTail, length);
    pageMap.setTag(page, PageKind.unbacked, length);
  }

  private insert(page: PageIndex, length: number): void {
    this.lists.addFirst(Extents.unbacked, page);
    this.i32[Extents.unbackedPages] += length;
    this.i32[Extents.unbackedExtents]++;
  }

  private remove(page: PageIndex, length: number): void {
    this.lists.remove(Extents.unbacked, page);
    this.i32[Extents.unbackedPages] -= length;
    this.i32[Extents.unbackedExtents]--;
  }
}
