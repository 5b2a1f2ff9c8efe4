// The free extents of a region, in three indexes, by the part of the region in which they begin:
//
//   low    below 1.75 GiB: handed out first, because pointers there are small integers in V8
//   own    from there to 4 GiB: in a larger region callers get it last, because what the heap itself needs must lie below 4 GiB
//   high   the rest
//
// An extent that lies across the end of the low part counts as what it has before it, so that it comes in turn there; one
// across 4 GiB for callers first as what it has behind. For what fits nowhere else both are there as a whole.
//
// Everything here can be rebuilt from the page map; the extent lock protects it.
//
// [FREE-1] Every free extent is in the list of its length in the index of its first page, once, and nothing else is in
//          a list.
// [FREE-3] The pages of a free extent that are known to be zero, by its record, lie in it, and are.
// [FREE-4] The words `acrossLow` and `acrossOwn` are the first page of the free extent that lies across the end of the
//          part, 0 if none does.

import { VmemError } from '../base/errors';
import { NULL_PAGE, PAGE_SIZE, alignUp, type PageIndex } from '../base/units';
import { PageKind, type PageMap } from '../layout/page-map';
import { Extents } from '../layout/region-layout';
import { ExtentIndex } from './extent-index';

/** Pages of the low part: 1.75 GiB. */
export const LOW_PAGES = (2 ** 31 - 2 ** 28) / PAGE_SIZE;

/**
 * Pages below this one can be the heap's own: 4 GiB, for caches hold the index of a state byte in 32 bits. The first quarter of
 * a GiB behind the low part, which is enough for the states of 2^28 blocks, is at offsets below 2^31: where V8's Maglev (Node.js
 * 24 and later) meets a larger index into a typed array, it drops the code and makes the same again, for ever.
 */
export const OWN_END = 2 ** 32 / PAGE_SIZE;

/** Extents of a part that are looked at for an alignment before others are tried. */
const ALIGNED_TRIES = 64;

export const isAcross = (page: PageIndex, length: number, border: number): boolean =>
  page < border && page + length > border;

export class FreeExtents {
  readonly low: ExtentIndex;
  readonly own: ExtentIndex;
  readonly high: ExtentIndex;

  constructor(
    private readonly i32: Int32Array,
    private readonly pageMap: PageMap,
  ) {
    const { pages } = pageMap;
    this.low = new ExtentIndex(i32, pageMap, Extents.low, Math.min(LOW_PAGES, pages));
    this.own = new ExtentIndex(i32, pageMap, Extents.own, Math.min(OWN_END, pages));
    this.high = new ExtentIndex(i32, pageMap, Extents.high, pages);
  }

  clear(): void {
    this.low.clear();
    this.own.clear();
    this.high.clear();
    this.i32[Extents.acrossLow] = NULL_PAGE;
    this.i32[Extents.acrossOwn] = NULL_PAGE;
  }

  insert(page: PageIndex, length: number): void {
    this.indexOf(page).insert(page, length);
    this.setAcross(page, length, page);
  }

  remove(page: PageIndex, length: number): void {
    this.indexOf(page).remove(page, length);
    this.setAcross(page, length, NULL_PAGE);
  }

  /** A free extent of at least `pages` pages, or `NULL_PAGE`. */
  find(pages: number): PageIndex {
    return (
      this.low.find(pages) ||
      this.high.find(pages) ||
      this.findAcross(Extents.acrossOwn, OWN_END, pages, 1) ||
      this.own.find(pages) ||
      this.findAcross(Extents.acrossOwn, 0, pages, 1) ||
      this.findAcross(Extents.acrossLow, 0, pages, 1)
    );
  }

  /**
   * A free extent that has `pages` pages from a multiple of `alignment` (pages) on, or `NULL_PAGE`. Long
   * enough for any placement if there is one; else all extents that could do are looked at.
   */
  findAligned(pages: number, alignment: number): PageIndex {
    const { low, own, high, pageMap } = this;
    return (
      low.findRoomy(pages, alignment) ||
      low.findAligned(pages, alignment, ALIGNED_TRIES) ||
      high.findRoomy(pages, alignment) ||
      this.findAcross(Extents.acrossOwn, OWN_END, pages, alignment) ||
      high.findAligned(pages, alignment, ALIGNED_TRIES) ||
      own.findRoomy(pages, alignment) ||
      this.findAcross(Extents.acrossOwn, 0, pages, alignment) ||
      this.findAcross(Extents.acrossLow, 0, pages, alignment) ||
      low.findAligned(pages, alignment, pageMap.pages) ||
      high.findAligned(pages, alignment, pageMap.pages) ||
      own.findAligned(pages, alignment, pageMap.pages)
    );
  }

  /** A free extent, the first `pages` pages of which lie below page `limit`, or `NULL_PAGE`. */
  findBelow(pages: number, limit: number): PageIndex {
    const across = this.findAcross(Extents.acrossLow, 0, pages, 1);
    return (
      this.low.findBelow(pages, limit) ||
      (across + pages <= limit ? across : NULL_PAGE) ||
      this.own.findBelow(pages, limit) ||
      this.findHighBelow(pages, limit)
    );
  }

  /** One of the longest free extents, which are at most a 16th longer; not a low one if there are several. Or `NULL_PAGE`. */
  longest(): PageIndex {
    const acrossOwn = this.findAcross(Extents.acrossOwn, 0, 1, 1);
    const acrossLow = this.findAcross(Extents.acrossLow, 0, 1, 1);
    let longest = NULL_PAGE;
    let most = 0;
    for (const page of [this.high.longest(), acrossOwn, this.own.longest(), acrossLow, this.low.longest()]) {
      const length = page === NULL_PAGE ? 0 : this.pageMap.length(page);
      if (length <= most) continue;
      longest = page;
      most = length;
    }
    return longest;
  }

  /** The index that an extent from `page` on belongs in. */
  indexOf(page: PageIndex): ExtentIndex {
    if (page < LOW_PAGES) return this.low;
    return page < OWN_END ? this.own : this.high;
  }

  private findHighBelow(pages: number, limit: number): PageIndex {
    if (limit <= OWN_END) return NULL_PAGE;
    const across = this.findAcross(Extents.acrossOwn, 0, pages, 1);
    return across !== NULL_PAGE && across + pages <= limit ? across : this.high.findBelow(pages, limit);
  }

  private setAcross(page: PageIndex, length: number, value: PageIndex): void {
    if (isAcross(page, length, LOW_PAGES)) this.i32[Extents.acrossLow] = value;
    if (isAcross(page, length, OWN_END)) this.i32[Extents.acrossOwn] = value;
  }

  /** The extent across a border if it has, from page `from` on, `pages` pages from a multiple of `alignment` on. */
  private findAcross(
    word: Extents.acrossLow | Extents.acrossOwn,
    from: number,
    pages: number,
    alignment: number,
  ): PageIndex {
    const across = this.i32[word] as PageIndex;
    if (across === NULL_PAGE) return NULL_PAGE;
    const border = word === Extents.acrossLow ? LOW_PAGES : OWN_END;
    const length = this.pageMap.length(across);
    const end = across + length;
    if (
      this.pageMap.kind(across) !== PageKind.free ||
      !isAcross(across, length, border) ||
      end > this.pageMap.pages
    )
      throw new VmemError(
        'ECORRUPT',
        `[FREE-4] page ${across} is said to begin a free extent across page ${border}`,
      );
    return alignUp(Math.max(across, from), alignment) + pages <= end ? across : NULL_PAGE;
  }
}
