// The free extents of a region, in two indexes: those that begin in its low part, which are handed out first because
// pointers there are small integers in V8, and the others. At most one extent lies across the border. It counts as what it
// has below, so that it comes in turn there; for a request that fits nowhere else it is there as a whole.
//
// Everything here can be rebuilt from the page map; the extent lock protects it.
//
// [FREE-1] Every free extent is in the list of its length in the index of its first page, once, and nothing else is in
//          a list.
// [FREE-3] The pages of a free extent that are known to be zero, by its words a and b, lie in it, and are.
// [FREE-4] The word `across` is the first page of the free extent that lies across the border, 0 if none does.

import { VmemError } from '../base/errors';
import { NULL_PAGE, PAGE_SIZE, type PageIndex } from '../base/units';
import { PageKind, type PageMap } from '../layout/page-map';
import { Extents } from '../layout/region-layout';
import { ExtentIndex } from './extent-index';

/**
 * Pages of the low part: 1.75 GiB. What lies behind, up to 4 GiB, is for the heap's own until all else is full. States have to
 * lie there, and the first quarter of a GiB, which is enough for 2^28 blocks, at offsets below 2^31: where V8's Maglev
 * (Node.js 24 and later) meets a larger index into a typed array, it drops the code and makes the same again, for ever.
 */
export const LOW_PAGES = (2 ** 31 - 2 ** 28) / PAGE_SIZE;

/** Pages below this one can be the heap's own: 4 GiB, see `state-store`. */
export const OWN_END = 2 ** 32 / PAGE_SIZE;

/** Extents of the low part that are looked at for an alignment before those above are tried. */
const ALIGNED_TRIES = 64;

export const isAcross = (page: PageIndex, length: number): boolean =>
  page < LOW_PAGES && page + length > LOW_PAGES;

export class FreeExtents {
  readonly below: ExtentIndex;
  readonly above: ExtentIndex;

  constructor(
    private readonly i32: Int32Array,
    private readonly pageMap: PageMap,
  ) {
    this.below = new ExtentIndex(i32, pageMap, Extents.below, Math.min(LOW_PAGES, pageMap.pages));
    this.above = new ExtentIndex(i32, pageMap, Extents.above, pageMap.pages);
  }

  clear(): void {
    this.below.clear();
    this.above.clear();
    this.i32[Extents.across] = NULL_PAGE;
  }

  insert(page: PageIndex, length: number): void {
    this.indexOf(page).insert(page, length);
    if (isAcross(page, length)) this.i32[Extents.across] = page;
  }

  remove(page: PageIndex, length: number): void {
    this.indexOf(page).remove(page, length);
    if (isAcross(page, length)) this.i32[Extents.across] = NULL_PAGE;
  }

  /** A free extent of at least `pages` pages, or `NULL_PAGE`. */
  find(pages: number): PageIndex {
    return this.below.find(pages) || this.above.find(pages) || this.findAcross(pages, 1);
  }

  /**
   * A free extent that has `pages` pages from a multiple of `alignment` (pages) on, or `NULL_PAGE`. Long
   * enough for any placement if there is one; else all extents that could do are looked at.
   */
  findAligned(pages: number, alignment: number): PageIndex {
    const { below, above, pageMap } = this;
    return (
      below.findRoomy(pages, alignment) ||
      below.findAligned(pages, alignment, ALIGNED_TRIES) ||
      above.findRoomy(pages, alignment) ||
      this.findAcross(pages, alignment) ||
      below.findAligned(pages, alignment, pageMap.pages) ||
      above.findAligned(pages, alignment, pageMap.pages)
    );
  }

  /** A free extent, the first `pages` pages of which lie below page `limit`, or `NULL_PAGE`. */
  findBelow(pages: number, limit: number): PageIndex {
    const across = this.findAcross(pages, 1);
    return (
      this.below.findBelow(pages, limit) ||
      (across + pages <= limit ? across : NULL_PAGE) ||
      this.above.findBelow(pages, limit)
    );
  }

  /** One of the longest free extents, which are at most a 16th longer; not a low one if there are several. Or `NULL_PAGE`. */
  longest(): PageIndex {
    let longest = NULL_PAGE;
    let most = 0;
    for (const page of [this.above.longest(), this.findAcross(1, 1), this.below.longest()]) {
      const length = page === NULL_PAGE ? 0 : this.pageMap.length(page);
      if (length <= most) continue;
      longest = page;
      most = length;
    }
    return longest;
  }

  /** The index that an extent from `page` on belongs in. */
  indexOf(page: PageIndex): ExtentIndex {
    return page < LOW_PAGES ? this.below : this.above;
  }

  private get across(): PageIndex {
    return this.i32[Extents.across] as PageIndex;
  }

  /** The extent across the border if it has, as a whole, `pages` pages from a multiple of `alignment` on. */
  private findAcross(pages: number, alignment: number): PageIndex {
    const { across } = this;
    if (across === NULL_PAGE) return NULL_PAGE;
    const length = this.pageMap.length(across);
    const end = across + length;
    if (this.pageMap.kind(across) !== PageKind.free || !isAcross(across, length) || end > this.pageMap.pages)
      throw new VmemError(
        'ECORRUPT',
        `[FREE-4] page ${across} is said to begin a free extent across the border`,
      );
    return Math.ceil(across / alignment) * alignment + pages <= end ? across : NULL_PAGE;
  }
}
