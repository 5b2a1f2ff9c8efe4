// One index of free extents: lists by length, and a bitmap of the lists that are not empty, so that a fitting
// extent is found without walking the region. Lengths below 512 pages have a list each; above, 16 lists to a
// doubling (the two-level segregated fit of Masmano et al., ECRTS 2004).
//
// [FREE-2] A bit of the bitmap is set exactly if its list is not empty; a bit of the summary exactly if its
//          word of the bitmap is not 0.

import { VmemError } from '../base/errors';
import { NULL_PAGE, alignUp, type PageIndex } from '../base/units';
import { PageLists } from '../layout/page-list';
import { PageKind, type PageMap } from '../layout/page-map';
import { FreeIndex } from '../layout/region-layout';

const EXACT = 512;
const EXACT_LOG = 9;
const SPLIT_LOG = 4;
const SPLIT = 1 << SPLIT_LOG;
/** Members of a list of mixed lengths that are looked at for the tightest fit before longer lists are tried. */
const TIGHT_FIT_TRIES = 8;

/** The list of free extents of `length` pages. */
export function listOfLength(length: number): number {
  if (length < EXACT) return length;
  const log = 31 - Math.clz32(length);
  return EXACT + (log - EXACT_LOG) * SPLIT + ((length >>> (log - SPLIT_LOG)) & (SPLIT - 1));
}

const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);

export class ExtentIndex {
  private readonly lists: PageLists;
  private readonly summary: number;
  private readonly bitmap: number;
  private readonly heads: number;

  /**
   * @param start of its words, see `FreeIndex`
   * @param end of an extent that reaches beyond this page only what lies before it counts
   */
  constructor(
    private readonly i32: Int32Array,
    private readonly pageMap: PageMap,
    start: number,
    private readonly end: number,
  ) {
    this.lists = new PageLists(i32, pageMap, '[FREE-1]');
    this.summary = start + FreeIndex.summary;
    this.bitmap = start + FreeIndex.bitmap;
    this.heads = start + FreeIndex.heads;
  }

  clear(): void {
    this.i32.fill(0, this.summary, this.summary + FreeIndex.words);
  }

  head(list: number): PageIndex {
    return this.lists.first(this.heads + list);
  }

  /** The list of an extent. */
  listOf(page: PageIndex, length: number): number {
    return listOfLength(Math.min(length, this.end - page));
  }

  insert(page: PageIndex, length: number): void {
    const { i32 } = this;
    const list = this.listOf(page, length);
    this.lists.addFirst(this.heads + list, page);
    i32[this.bitmap + (list >>> 5)] |= 1 << (list & 31);
    i32[this.summary] |= 1 << (list >>> 5);
  }

  remove(page: PageIndex, length: number): void {
    const { i32 } = this;
    const list = this.listOf(page, length);
    this.lists.remove(this.heads + list, page);
    if (this.head(list) !== NULL_PAGE) return;
    const word = this.bitmap + (list >>> 5);
    i32[word] &= ~(1 << (list & 31));
    if (i32[word] === 0) i32[this.summary] &= ~(1 << (list >>> 5));
  }

  /** An extent of at least `pages` pages, or `NULL_PAGE`. */
  find(pages: number): PageIndex {
    const list = listOfLength(pages);
    if (list < EXACT) return this.firstFrom(list);
    const tight = this.tightest(list, pages, TIGHT_FIT_TRIES);
    if (tight !== NULL_PAGE) return tight;
    return this.firstFrom(list + 1) || this.firstFit(list, pages);
  }

  /** One of the longest, or `NULL_PAGE`: of the longest list, which are at most a 16th longer. */
  longest(): PageIndex {
    const { i32 } = this;
    const word = 31 - Math.clz32(i32[this.summary]);
    if (word < 0) return NULL_PAGE;
    return this.headOf((word << 5) + 31 - Math.clz32(this.bitsOf(word)));
  }

  /** One that has `pages` pages from a multiple of `alignment` (pages) on because it has them wherever it begins. */
  findRoomy(pages: number, alignment: number): PageIndex {
    const roomy = this.find(Math.min(pages + alignment - 1, this.pageMap.pages));
    const length = Math.min(this.pageMap.length(roomy), this.end - roomy);
    return roomy !== NULL_PAGE && this.fitsAligned(roomy, length, pages, alignment) ? roomy : NULL_PAGE;
  }

  /** The same of those that begin at the right place, too; looks at `tries` of them at most. */
  findAligned(pages: number, alignment: number, tries: number): PageIndex {
    for (let list = listOfLength(pages); ; list++) {
      list = this.nextList(list);
      if (list < 0) return NULL_PAGE;
      for (let page = this.headOf(list); page !== NULL_PAGE; page = this.lists.next(page)) {
        if (tries-- <= 0) return NULL_PAGE;
        if (this.fitsAligned(page, this.memberLength(page, list), pages, alignment)) return page;
      }
    }
  }

  /** One the first `pages` pages of which lie below page `limit`, or `NULL_PAGE`. */
  findBelow(pages: number, limit: number): PageIndex {
    const tight = this.find(pages);
    if (tight === NULL_PAGE || tight + pages <= limit) return tight;
    // long extents are few
    for (let list = FreeIndex.lists - 1; list >= listOfLength(pages); list--) {
      for (let page = this.head(list); page !== NULL_PAGE; page = this.lists.next(page)) {
        if (page + pages <= limit && this.memberLength(page, list) >= pages) return page;
      }
    }
    return NULL_PAGE;
  }

  /**
   * What counts of the length of a member of a list.
   * @throws VmemError ECORRUPT if the tag says that it is none
   */
  private memberLength(page: PageIndex, list: number): number {
    const length = this.pageMap.length(page);
    const isMember =
      this.pageMap.kind(page) === PageKind.free &&
      page + length <= this.pageMap.pages &&
      this.listOf(page, length) === list;
    if (!isMember)
      throw new VmemError('ECORRUPT', `[FREE-1] page ${page} does not belong in free list ${list}`);
    return Math.min(length, this.end - page);
  }

  private fitsAligned(page: PageIndex, length: number, pages: number, alignment: number): boolean {
    return alignUp(page, alignment) + pages <= page + length;
  }

  private firstFrom(list: number): PageIndex {
    const found = this.nextList(list);
    return found < 0 ? NULL_PAGE : this.headOf(found);
  }

  /** The first member of a list that is not empty. */
  private headOf(list: number): PageIndex {
    const page = this.head(list);
    if (page === NULL_PAGE)
      throw new VmemError('ECORRUPT', `[FREE-2] free list ${list} is empty, its bit says not`);
    this.memberLength(page, list);
    return page;
  }

  /** A word of the bitmap that has a bit set. */
  private bitsOf(word: number): number {
    const bits = word * 32 < FreeIndex.lists ? this.i32[this.bitmap + word] : 0;
    if (bits === 0)
      throw new VmemError('ECORRUPT', `[FREE-2] word ${word} of a bitmap is 0, its bit says not`);
    return bits;
  }

  /** First list from `list` on that is not empty, or -1. */
  private nextList(list: number): number {
    if (list >= FreeIndex.lists) return -1;
    const { i32 } = this;
    let word = list >>> 5;
    let bits = i32[this.bitmap + word] & (-1 << (list & 31));
    if (bits === 0) {
      const words = word === 31 ? 0 : i32[this.summary] & (-1 << (word + 1));
      if (words === 0) return -1;
      word = lowestBit(words);
      bits = this.bitsOf(word);
    }
    return (word << 5) + lowestBit(bits);
  }

  /** The shortest extent of at least `pages` pages among the first `tries` of a list. */
  private tightest(list: number, pages: number, tries: number): PageIndex {
    let best = NULL_PAGE;
    let bestLength = Infinity;
    for (let page = this.head(list); page !== NULL_PAGE && tries > 0; page = this.lists.next(page), tries--) {
      const length = this.memberLength(page, list);
      if (length >= pages && length < bestLength) {
        best = page;
        bestLength = length;
        if (length === pages) break;
      }
    }
    return best;
  }

  /** The first extent of at least `pages` pages of a list. */
  private firstFit(list: number, pages: number): PageIndex {
    let page = this.head(list);
    while (page !== NULL_PAGE && this.memberLength(page, list) < pages) page = this.lists.next(page);
    return page;
  }
}
