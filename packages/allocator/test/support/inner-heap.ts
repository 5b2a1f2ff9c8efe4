// A heap's region as its layout describes it: what tests read to know the inside and write to damage it.

import type { Heap } from '@vmem-ts/allocator';
import { walkExtents } from '#src/extent/extent-walk';
import { asPage, type PageIndex } from '#src/base/units';
import { MAX_SLOTS } from '#src/layout/block-state';
import { PageKind, PageRecord, type Sharing } from '#src/layout/page-map';
import { Region } from '#src/layout/region';
import { Identity, Slot, slotAt } from '#src/layout/region-layout';
import { SHORTEST_RUN, ThreadCacheLayout } from '#src/layout/thread-cache-layout';
import { CLASS_COUNT, CLASS_SIZE } from '#src/slab/size-classes';

export interface Extent {
  readonly page: PageIndex;
  readonly kind: PageKind;
  readonly length: number;
}

export class InnerHeap {
  readonly region: Region;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly cacheLayout: ThreadCacheLayout;

  constructor(heap: Heap) {
    this.region = new Region(heap.buffer, heap.byteOffset, heap.size);
    this.region.validate(CLASS_COUNT, heap.handle.id);
    this.i32 = this.region.i32;
    this.u8 = this.region.u8;
    this.cacheLayout = ThreadCacheLayout.of(CLASS_SIZE, this.i32[Identity.cacheBytes]);
  }

  get pageMap(): Region['pageMap'] {
    return this.region.pageMap;
  }

  extents(): Extent[] {
    const extents: Extent[] = [];
    walkExtents(this.pageMap, (page, kind, length) => extents.push({ page, kind, length }));
    return extents;
  }

  /** The first extent of a kind that satisfies `which`. */
  extentOf(kind: PageKind, which: (extent: Extent) => boolean = () => true): Extent {
    const found = this.extents().find((extent) => extent.kind === kind && which(extent));
    if (found === undefined) throw new Error(`the heap has no such extent of kind ${kind}`);
    return found;
  }

  /** The first slab of a class. */
  slabOf(sizeClass: number): PageIndex {
    return this.extentOf(PageKind.slab, ({ page }) => this.pageMap.sizeClass(page) === sizeClass).page;
  }

  /** Position of a page record's word in `i32`. */
  recordWord(page: number, field: PageRecord): number {
    const start = (this.pageMap.words.byteOffset - this.i32.byteOffset) / 4;
    return start + page * PageRecord.words + field;
  }

  /** Index of the state byte of block `index` of the slab at `slab`. */
  stateByte(slab: PageIndex, index = 0): number {
    return this.pageMap.stateLine(slab) * 64 + index;
  }

  /** How the blocks of the slab around the slab block at `ptr` are freed. */
  sharingOf(ptr: number): Sharing {
    return this.pageMap.sharing(asPage(Math.floor(ptr / 4096)));
  }

  /** Index of the state byte of the slab block at `ptr`. */
  stateOf(ptr: number): number {
    const page = asPage(Math.floor(ptr / 4096));
    const offset = this.pageMap.pageOffset(page) + (ptr % 4096);
    return this.stateByte(page, offset / CLASS_SIZE[this.pageMap.sizeClass(page)]);
  }

  hasSlot(tid: number): boolean {
    return this.findSlot(tid) >= 0;
  }

  /** The slot of the thread `tid`. */
  slotOf(tid: number): number {
    const slot = this.findSlot(tid);
    if (slot < 0) throw new Error(`thread ${tid} has no slot`);
    return slot;
  }

  private findSlot(tid: number): number {
    for (let slot = 0; slot < MAX_SLOTS; slot++) if (this.i32[slotAt(slot) + Slot.owner] === tid) return slot;
    return -1;
  }

  cachePage(slot: number): PageIndex {
    return asPage(this.i32[slotAt(slot) + Slot.cachePage]);
  }

  /** Position in `i32` of the top of one stack of the cache of `slot`; that of its end follows. */
  topWord(slot: number, sizeClass: number): number {
    return this.cachePage(slot) * 1024 + this.cacheLayout.tops + 2 * sizeClass;
  }

  /** Number of the stack of runs of so many pages, as a size class is that of its stack. */
  runStack(pages: number): number {
    return this.cacheLayout.firstRun + pages - SHORTEST_RUN;
  }

  /** Position in `i32` of the count of pages in runs of the cache of `slot`. */
  runPagesWord(slot: number): number {
    return this.cachePage(slot) * 1024 + this.cacheLayout.runPages;
  }

  /** Position in `i32` of the oldest entry of one stack of the cache of `slot`. */
  stackWord(slot: number, sizeClass: number): number {
    return this.cachePage(slot) * 1024 + this.cacheLayout.stack[sizeClass];
  }
}
