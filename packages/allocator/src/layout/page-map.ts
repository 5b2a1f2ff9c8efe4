// The page map: one record of 6 words (24 bytes) for each page of the region, itself included.
//
//   word   0     tag             kind << 28 | length of the extent in pages; 0 on a page inside an extent
//          1     division        on every page of a slab: its class, its place in the slab, how its blocks are shared; see
//                                `SlabWord`
//                                on a state page: lines of one run; 0 elsewhere
//          2     stateLine       on every page of a slab: line at which the slab's block states begin
//          2     freeRunsLow     state page: bitmap of free runs, the low half
//          2     cacheSlot       cache: slot of the thread
//          2     zeroFrom        free: first page that is known to be zero, or 0
//          3     counts          slab: number of FREE blocks, 65,536 times the index below which no block is FREE
//          3     freeRunsHigh    state page: the bitmap's high half
//          3     zeroTo          free: page behind the last one that is known to be zero, or 0
//          4     next            list that the extent is in: free list, list of slabs, list of state pages
//          5     previous        (words 3 to 5: on each page of states, else on the extent's first page only)
//
// A large block is freed by whoever replaces its tag in one atomic step: by `cached`, without a lock, or by
// `pending` under the extent lock.
//
// Tag, division, line and a cache's slot are the source of truth; the tags of the first pages tile the region, and one store
// of a tag is what makes a split, a merge or a change of kind happen. The rest can be rebuilt from them and from the block
// states. Words 1 and 2 are what free() needs, the same on each page of a slab but for the page's place. A page of exclusive
// blocks makes free() a matter of plain stores for the thread that took the block; see `block-state`. A slab begins exclusive
// or shared and can only become shared.
//
// [PAGE-1] Starting from page 0, kind and length of the first pages lead exactly to the region's last page.
// [PAGE-2] A page inside an extent has tag 0; the last page of a free extent of two pages or more has
//          kind FREE_TAIL and the extent's length, that of an unbacked one UNBACKED_TAIL unless it is the region's.
// [PAGE-3] Word 1 is zero on every page that is neither a slab's nor of states; on all pages of a slab it has the slab's
//          class, counts the pages up from 0, and word 2 is the same. With the bin's lock free no page is on the way from
//          exclusive to shared.

import { pageAfter, type LineIndex, type PageIndex } from '../base/units';

export const enum PageRecord {
  words = 6,
  tag = 0,
  division = 1,
  stateLine = 2,
  freeRunsLow = 2,
  cacheSlot = 2,
  zeroFrom = 2,
  counts = 3,
  freeRunsHigh = 3,
  zeroTo = 3,
  next = 4,
  previous = 5,
}

/** Word 1 of a slab's page. Exclusive blocks: `slab` or more, positive. */
export const enum SlabWord {
  /** Mask of the size class. */
  sizeClass = 127,
  /** Set on every page of a slab, and on no other. */
  slab = 256,
  /** Mask of the bytes from the slab's start to the page. */
  pageOffset = 0xf000,
  /** Mask of all that stays the same as long as the slab does. */
  place = 0xffff,
  onTheWay = 1 << 30,
  /** Set unless the blocks are exclusive. */
  notExclusive = 1 << 31,
}

export const enum PageKind {
  inside = 0,
  free = 1,
  freeTail = 2,
  /** Header, tables and the page map. */
  reserved = 3,
  /** A block of whole pages that a caller has. */
  large = 4,
  slab = 5,
  /** Pages of block states. */
  states = 6,
  /** The stacks of one thread's cache. */
  cache = 7,
  /** Between free and any other kind, within one critical section of the extent lock. */
  pending = 8,
  /** Was a large block; lies in the cache of a slot, which the tag names beside a length of at most 255. */
  cached = 9,
  /** A large block whose length changes, within one critical section of the extent lock. */
  resizing = 10,
  /** Pages without storage; see `extent/unbacked-extents`. */
  unbacked = 11,
  unbackedTail = 12,
}

/** Who may free a block of a slab's page, and how. */
export const enum Sharing {
  /** The thread that took it, with a plain store; others make the page shared first. */
  exclusive,
  /** Nobody, until the page is shared. */
  onTheWay,
  /** Any thread, by compare-and-exchange. */
  shared,
}

const { imul } = Math;
/** Word of a page's record: by a multiplication that V8 knows to stay an integer. */
const recordOf = (page: PageIndex): number => imul(page, PageRecord.words);

const SHARING_BITS: Record<Sharing, number> = {
  [Sharing.exclusive]: 0,
  [Sharing.onTheWay]: SlabWord.notExclusive | SlabWord.onTheWay,
  [Sharing.shared]: SlabWord.notExclusive,
};

const LENGTH_BITS = 28;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;
/** Of a run in a cache; the slot follows. */
const CACHED_LENGTH_BITS = 8;
const CACHED_LENGTH_MASK = (1 << CACHED_LENGTH_BITS) - 1;
/** Pages that a tag can count. */
export const MAX_PAGES = LENGTH_MASK;

export const tagOf = (kind: PageKind, length: number): number => (kind << LENGTH_BITS) | length;
export const kindOf = (tag: number): PageKind => tag >>> LENGTH_BITS;
export const lengthOf = (tag: number): number =>
  kindOf(tag) === PageKind.cached ? tag & CACHED_LENGTH_MASK : tag & LENGTH_MASK;
/** The tag of a run of `length` pages in the cache of `slot`. */
export const cachedRunTag = (slot: number, length: number): number =>
  tagOf(PageKind.cached, (slot << CACHED_LENGTH_BITS) | length);

export class PageMap {
  /** `words` starts at the record of page 0. */
  constructor(
    readonly words: Int32Array,
    readonly pages: number,
  ) {}

  tag(page: PageIndex): number {
    return this.words[recordOf(page)];
  }

  kind(page: PageIndex): PageKind {
    return kindOf(this.tag(page));
  }

  /** Pages of the extent that begins (or, for FREE_TAIL and UNBACKED_TAIL, ends) at `page`. */
  length(page: PageIndex): number {
    return lengthOf(this.tag(page));
  }

  /** Changes the tag of a large block in one step, if it is still that; of several threads one succeeds. */
  replaceLarge(page: PageIndex, length: number, tag: number): boolean {
    const large = tagOf(PageKind.large, length);
    // partners: the same in other threads
    return Atomics.compareExchange(this.words, recordOf(page), large, tag) === large;
  }

  setTag(page: PageIndex, kind: PageKind, length: number): void {
    this.words[recordOf(page)] = tagOf(kind, length);
  }

  clearTag(page: PageIndex): void {
    this.words[recordOf(page)] = 0;
  }

  /** -1 where the page is not a slab's. */
  sizeClass(page: PageIndex): number {
    const word = this.division(page);
    return (word & SlabWord.slab) === 0 ? -1 : word & SlabWord.sizeClass;
  }

  /** How the blocks of a slab's page are freed. */
  sharing(page: PageIndex): Sharing {
    const word = this.division(page);
    if (word >= 0) return Sharing.exclusive;
    return (word & SlabWord.onTheWay) !== 0 ? Sharing.onTheWay : Sharing.shared;
  }

  setSharing(page: PageIndex, sharing: Sharing): void {
    this.setDivision(page, (this.division(page) & SlabWord.place) | SHARING_BITS[sharing]);
  }

  /** Whether the page is exactly this one of such a slab. */
  isOfSlab(page: PageIndex, sizeClass: number, pageOffset: number, sharing: Sharing): boolean {
    return this.division(page) === (SlabWord.slab | sizeClass | pageOffset | SHARING_BITS[sharing]);
  }

  /** Whether the page is neither a slab's nor one of states. */
  isBare(page: PageIndex): boolean {
    return this.division(page) === 0;
  }

  /** Bytes from the slab's start to the page. */
  pageOffset(page: PageIndex): number {
    return this.division(page) & SlabWord.pageOffset;
  }

  stateLine(page: PageIndex): LineIndex {
    return this.words[recordOf(page) + PageRecord.stateLine] as LineIndex;
  }

  /** To be seen by whoever sees the class. */
  setStateLine(page: PageIndex, stateLine: LineIndex): void {
    this.words[recordOf(page) + PageRecord.stateLine] = stateLine;
  }

  /** From here on blocks begin on the page, which lies `pageOffset` bytes behind the slab's start. */
  publishClass(page: PageIndex, sizeClass: number, pageOffset: number, isShared: boolean): void {
    const sharing = isShared ? Sharing.shared : Sharing.exclusive;
    this.setDivision(page, SlabWord.slab | sizeClass | pageOffset | SHARING_BITS[sharing]);
  }

  /** From here on no block begins on `pages` pages from `first` on, which are none of states either. */
  withdrawClass(first: PageIndex, pages: number): void {
    for (let i = 0; i < pages; i++) this.setDivision(pageAfter(first, i), 0);
  }

  /** Of a slab. */
  freeBlocks(page: PageIndex): number {
    return this.counts(page) & 0xffff;
  }

  /** Index of a block of a slab, below which no block is FREE. */
  searchStart(page: PageIndex): number {
    return this.counts(page) >>> 16;
  }

  setCounts(page: PageIndex, freeBlocks: number, searchStart: number): void {
    this.words[recordOf(page) + PageRecord.counts] = (searchStart << 16) | freeBlocks;
  }

  /** Lines of one run in a state page; 0 where the page is none any more. */
  runLength(page: PageIndex): number {
    return this.division(page);
  }

  setRunLength(page: PageIndex, lines: number): void {
    this.setDivision(page, lines);
  }

  /** Of a free extent: the first page that is known to be zero, 0 if none is. */
  zeroFrom(page: PageIndex): number {
    return this.words[recordOf(page) + PageRecord.zeroFrom];
  }

  /** Of a free extent: the page behind the last one that is known to be zero, 0 if none is. */
  zeroTo(page: PageIndex): number {
    return this.words[recordOf(page) + PageRecord.zeroTo];
  }

  setZeroRun(page: PageIndex, from: number, to: number): void {
    this.words[recordOf(page) + PageRecord.zeroFrom] = from;
    this.words[recordOf(page) + PageRecord.zeroTo] = to;
  }

  /** Of a cache: the slot of its thread. */
  cacheSlot(page: PageIndex): number {
    return this.words[recordOf(page) + PageRecord.cacheSlot];
  }

  setCacheSlot(page: PageIndex, slot: number): void {
    this.words[recordOf(page) + PageRecord.cacheSlot] = slot;
  }

  /** Of a state page: bitmap of its free runs, the low half. */
  freeRunsLow(page: PageIndex): number {
    return this.words[recordOf(page) + PageRecord.freeRunsLow];
  }

  setFreeRunsLow(page: PageIndex, bits: number): void {
    this.words[recordOf(page) + PageRecord.freeRunsLow] = bits;
  }

  /** The high half. */
  freeRunsHigh(page: PageIndex): number {
    return this.words[recordOf(page) + PageRecord.freeRunsHigh];
  }

  setFreeRunsHigh(page: PageIndex, bits: number): void {
    this.words[recordOf(page) + PageRecord.freeRunsHigh] = bits;
  }

  next(page: PageIndex): PageIndex {
    return this.words[recordOf(page) + PageRecord.next] as PageIndex;
  }

  setNext(page: PageIndex, value: PageIndex): void {
    this.words[recordOf(page) + PageRecord.next] = value;
  }

  previous(page: PageIndex): PageIndex {
    return this.words[recordOf(page) + PageRecord.previous] as PageIndex;
  }

  setPrevious(page: PageIndex, value: PageIndex): void {
    this.words[recordOf(page) + PageRecord.previous] = value;
  }

  private division(page: PageIndex): number {
    return this.words[recordOf(page) + PageRecord.division];
  }

  private setDivision(page: PageIndex, word: number): void {
    this.words[recordOf(page) + PageRecord.division] = word;
  }

  private counts(page: PageIndex): number {
    return this.words[recordOf(page) + PageRecord.counts];
  }
}
