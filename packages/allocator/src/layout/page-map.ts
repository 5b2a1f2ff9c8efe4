// The page map: one record of 8 words (32 bytes) for each page of the region, itself included.
//
//   word   0     tag         kind << 28 | length of the extent in pages; 0 on a page inside an extent
//          1     sizeClass   on every page of a slab: 1 + size class while its blocks are exclusive,
//                            -(1 + size class) while shared, 128 less while on the way; 0 elsewhere
//          2     pageOffset  on every page of a slab: bytes from the slab's start to this page
//                            on a state page: lines of one run
//          3     stateLine   on every page of a slab: line at which the slab's block states begin
//          4     a           slab: number of FREE blocks   state page: bitmap of free runs, low half
//                            cache: slot of the thread     free: first page that is known to be zero, or 0
//          5     b           slab: no FREE block below it  state page: bitmap of free runs, high half
//                                                          free: page behind the last one that is, or 0
//          6     next        list that the extent is in: free list, list of slabs, list of state pages
//          7     previous    (words 4-7: on each page of states, else on the extent's first page only)
//
// A large block is freed by whoever replaces its tag in one atomic step: by `cached`, without a lock, or by
// `pending` under the extent lock.
//
// Words 0 to 3 are the source of truth; the tags of the first pages tile the region, and one store of a tag is
// what makes a split, a merge or a change of kind happen. Words 4 to 7 can be rebuilt from them and from the
// block states. Words 1 to 3 are what free() needs, side by side in one cache line, the same on each page of a
// slab.
//
// [PAGE-1] Starting from page 0, kind and length of the first pages lead exactly to the region's last page.
// [PAGE-2] A page inside an extent has tag 0; the last page of a free extent of two pages or more has
//          kind FREE_TAIL and the extent's length, that of an unbacked one UNBACKED_TAIL unless it is the region's.
// A page of exclusive blocks makes free() a matter of plain stores for the thread that took the block; see
// `block-state`. A slab begins exclusive or shared and can only become shared.
//
// [PAGE-3] Words 1 and 3 are zero on every page that is not a slab's; word 1 is the class of the slab on all of
//          its pages, word 2 counts up by the page size, word 3 is the same. With the bin's lock free no page
//          is on the way from exclusive to shared.

import { type LineIndex, type PageIndex } from '../base/units';

export const enum PageRecord {
  words = 8,
  shift = 3,
  tag = 0,
  sizeClass = 1,
  pageOffset = 2,
  stateLine = 3,
  a = 4,
  b = 5,
  next = 6,
  previous = 7,
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

/** More than the number of size classes. */
const SHARING = 128;

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
    return this.words[page << PageRecord.shift];
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
    return Atomics.compareExchange(this.words, page << PageRecord.shift, large, tag) === large;
  }

  setTag(page: PageIndex, kind: PageKind, length: number): void {
    this.words[page << PageRecord.shift] = tagOf(kind, length);
  }

  clearTag(page: PageIndex): void {
    this.words[page << PageRecord.shift] = 0;
  }

  /** -1 where the page is not a slab's. */
  sizeClass(page: PageIndex): number {
    const word = this.words[(page << PageRecord.shift) + PageRecord.sizeClass];
    return (word < -SHARING ? -word - SHARING : word < 0 ? -word : word) - 1;
  }

  /** How the blocks of a slab's page are freed. */
  sharing(page: PageIndex): Sharing {
    const word = this.words[(page << PageRecord.shift) + PageRecord.sizeClass];
    return word >= 0 ? Sharing.exclusive : word < -SHARING ? Sharing.onTheWay : Sharing.shared;
  }

  setSharing(page: PageIndex, sharing: Sharing): void {
    const word = 1 + this.sizeClass(page);
    this.words[(page << PageRecord.shift) + PageRecord.sizeClass] =
      sharing === Sharing.exclusive ? word : sharing === Sharing.shared ? -word : -word - SHARING;
  }

  pageOffset(page: PageIndex): number {
    return this.words[(page << PageRecord.shift) + PageRecord.pageOffset];
  }

  stateLine(page: PageIndex): LineIndex {
    return this.words[(page << PageRecord.shift) + PageRecord.stateLine] as LineIndex;
  }

  /** What `publishClass` makes visible. */
  describeSlabPage(page: PageIndex, pageOffset: number, stateLine: LineIndex): void {
    const record = page << PageRecord.shift;
    this.words[record + PageRecord.pageOffset] = pageOffset;
    this.words[record + PageRecord.stateLine] = stateLine;
  }

  /** From here on blocks begin on the page. Whoever sees the class must see the rest. */
  publishClass(page: PageIndex, sizeClass: number, isShared: boolean): void {
    this.words[(page << PageRecord.shift) + PageRecord.sizeClass] = isShared ? -1 - sizeClass : 1 + sizeClass;
  }

  /** From here on no block begins on the page, as far as free() can see. */
  withdrawClass(page: PageIndex): void {
    this.words[(page << PageRecord.shift) + PageRecord.sizeClass] = 0;
  }

  clearSlabPage(page: PageIndex): void {
    const record = page << PageRecord.shift;
    this.words[record + PageRecord.sizeClass] = 0;
    this.words[record + PageRecord.stateLine] = 0;
    this.words[record + PageRecord.pageOffset] = 0;
  }

  /** Word 4, 5: what it means depends on the kind. */
  a(page: PageIndex): number {
    return this.words[(page << PageRecord.shift) + PageRecord.a];
  }

  setA(page: PageIndex, value: number): void {
    this.words[(page << PageRecord.shift) + PageRecord.a] = value;
  }

  b(page: PageIndex): number {
    return this.words[(page << PageRecord.shift) + PageRecord.b];
  }

  setB(page: PageIndex, value: number): void {
    this.words[(page << PageRecord.shift) + PageRecord.b] = value;
  }

  next(page: PageIndex): PageIndex {
    return this.words[(page << PageRecord.shift) + PageRecord.next] as PageIndex;
  }

  setNext(page: PageIndex, value: PageIndex): void {
    this.words[(page << PageRecord.shift) + PageRecord.next] = value;
  }

  previous(page: PageIndex): PageIndex {
    return this.words[(page << PageRecord.shift) + PageRecord.previous] as PageIndex;
  }

  setPrevious(page: PageIndex, value: PageIndex): void {
    this.words[(page << PageRecord.shift) + PageRecord.previous] = value;
  }
}
