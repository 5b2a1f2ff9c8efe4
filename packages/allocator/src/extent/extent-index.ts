// One index of free extents: lists by length, and a bitmap of the lists that are not empty, so that a fitting
// extent is found without walking the region. Lengths below 512 pages have a list each; above, 16 lists to a
// doubling (the two-level segregated fit of Masmano et al., ECRTS 2004).
//
// [FREE-2] A bit of the bitmap is set exactly if its list is not empty; a bit of the summary exactly if its
//          word of the bitmap is not 0.

import { VmemError } from '../base/errors';
import { NULL_PAGE, type PageIndex } from '../base/units';
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
export function binOfLength(length: number): number {
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

  head(bin: number): PageIndex {
    return this.lists.first(this.heads + bin);
  }

  /** The list of an extent. */
  binOf(page: PageIndex, length: number): number {
    return binOfLength(Math.min(length, this.end - page));
  }

  insert(page: PageIndex, length: number): void {
    const { i32 } = this;
    const bin = this.binOf(page, length);
    this.lists.addFirst(this.heads + bin, page);
    i32[this.bitmap + (bin >>> 5)] |= 1 << (bin & 31);
    i32[this.summary] |= 1 << (bin >>> 5);
  }

  remove(page: PageIndex, length: number): void {
    const { i32 } = this;
    const bin = this.binOf(page, length);
    this.lists.remove(this.heads + bin, page);
    if (this.head(bin) !== NULL_PAGE) return;
    const word = this.bitmap + (bin >>> 5);
    i32[word] &= ~(1 << (bin & 31));
    if (i32[word] === 0) i32[this.summary] &= ~(1 << (bin >>> 5));
  }

  /** An extent of at least `pages` pages, or `NULL_PAGE`. */
  find(pages: number): PageIndex {
    const bin = binOfLength(pages);
    if (bin < EXACT) return this.firstFrom(bin);
    const tight = this.tightest(bin, pages, TIGHT_FIT_TRIES);
    if (tight !== NULL_PAGE) return tight;
    return this.firstFrom(bin + 1) || this.firstFit(bin, pages);
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
    for (let bin = binOfLength(pages); ; bin++) {
      bin = this.nextBin(bin);
      if (bin < 0) return NULL_PAGE;
      for (let page = this.headOf(bin); page !== NULL_PAGE; page = this.lists.next(page)) {
        if (tries-- <= 0) return NULL_PAGE;
        if (this.fitsAligned(page, this.memberLength(page, bin), pages, alignment)) return page;
      }
    }
  }

  /** One the first `pages` pages of which lie below page `limit`, or `NULL_PAGE`. */
  findBelow(pages: number, limit: number): PageIndex {
    const tight = this.find(pages);
    if (tight === NULL_PAGE || tight + pages <= limit) return tight;
    // long extents are few
    for (let bin = FreeIndex.lists - 1; bin >= binOfLength(pages); bin--) {
      for (let page = this.head(bin); page !== NULL_PAGE; page = this.lists.next(page)) {
        if (page + pages <= limit && this.memberLength(page, bin) >= pages) return page;
      }
    }
    return NULL_PAGE;
  }

  /**
   * What counts of the length of a member of a list.
   * @throws VmemError ECORRUPT if the tag says that it is none
   */
  private memberLength(page: PageIndex, bin: number): number {
    const length = this.pageMap.length(page);
    const isMember =
      this.pageMap.kind(page) === PageKind.free &&
      page + length <= this.pageMap.pages &&
      this.binOf(page, length) === bin;
    if (!isMember)
      throw new VmemError('ECORRUPT', `[FREE-1] page ${page} does not belong in free list ${bin}`);
    return Math.min(length, this.end - page);
  }

  private fitsAligned(page: PageIndex, length: number, pages: number, alignment: number): boolean {
    return Math.ceil(page / alignment) * alignment + pages <= page + length;
  }

  private firstFrom(bin: number): PageIndex {
    const found = this.nextBin(bin);
    return found < 0 ? NULL_PAGE : this.headOf(found);
  }

  /** The first member of a list that is not empty. */
  private headOf(bin: number): PageIndex {
    const page = this.head(bin);
    if (page === NULL_PAGE)
      throw new VmemError('ECORRUPT', `[FREE-2] free list ${bin} is empty, its bit says not`);
    this.memberLength(page, bin);
    return page;
  }

  /** A word of the bitmap that has a bit set. */
  private bitsOf(word: number): number {
    const bits = word * 32 < FreeIndex.lists ? this.i32[this.bitmap + word] : 0;
    if (bits === 0)
      throw new VmemError('ECORRUPT', `[FREE-2] word ${word} of a bitmap is 0, its bit says not`);
    return bits;
  }

  /** First list from `bin` on that is not empty, or -1. */
  private nextBin(bin: number): number {
    if (bin >= FreeIndex.lists) return -1;
    const { i32 } = this;
    let word = bin >>> 5;
    let bits = i32[this.bitmap + word] & (-1 << (bin & 31));
    if (bits === 0) {
      const words = word === 31 ? 0 : i32[this.summary] & (-1 << (word + 1));
      if (words === 0) return -1;
      word = lowestBit(words);
      bits = this.bitsOf(word);
    }
    return (word << 5) + lowestBit(bits);
  }

  /** The shortest extent of at least `pages` pages among the first `tries` of a list. */
  private tightest(bin: number, pages: number, tries: number): PageIndex {
    let best = NULL_PAGE;
    let bestLength = Infinity;
    for (let page = this.head(bin); page !== NULL_PAGE && tries > 0; page = this.lists.next(page), tries--) {
      const length = this.memberLength(page, bin);
      if (length >= pages && length < bestLength) {
        best = page;
        bestLength = length;
        if (length === pages) break;
      }
    }
    return best;
  }

  /** The first extent of at least `pages` pages of a list. */
  private firstFit(bin: number, pages: number): PageIndex {
    let page = this.head(bin);
    while (page !== NULL_PAGE && this.memberLength(page, bin) < pages) page = this.lists.next(page);
    return page;
  }
}
