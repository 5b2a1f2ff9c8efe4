// A copy of what describes a heap, made while all threads stand still, so that they need not do so while it is verified: that
// takes many times as long.
//
// Everything keeps its place, so the copy is as long as the region. What is not copied nobody touches: it takes no memory.

import { PlainBuffer } from '../../base/built-in';
import { NULL_PAGE, PAGE_SIZE, pageAfter, pageToOffset, type PageIndex } from '../../base/units';
import { PageKind, PageRecord } from '../../layout/page-map';
import { Region } from '../../layout/region';
import { Backing, PAGE_MAP_WORD, isPlausibleMap } from '../../layout/region-layout';
import { HeapCore } from '../core';
import type { HeapParts } from '../parts';
import { ThreadSlots } from '../thread-slots';

/** Bytes of the largest region that is copied: its addresses are taken once more. */
const MOST = 2 ** 30;

export class HeapCopy {
  private readonly region: Region;
  private readonly core: HeapParts;

  private constructor(private readonly original: HeapParts) {
    const { region, slots, slot, token, geometry } = original;
    this.region = new Region(new PlainBuffer(region.size), 0, region.size);
    this.region.openedAs = region.openedAs;
    const itsSlots = new ThreadSlots(this.region, slots.count, slots.host);
    this.core = new HeapCore(this.region, geometry, itsSlots, { slot, token });
  }

  /** Room for a copy; undefined if there is none. */
  static for(core: HeapParts): HeapCopy | undefined {
    if (core.region.size > MOST) return undefined;
    try {
      return new HeapCopy(core);
    } catch (error) {
      if (error instanceof RangeError) return undefined; // no addresses, or the stack is nearly full
      throw error;
    }
  }

  /**
   * The heap at this moment, for reading only; undefined where damage hides what there is to copy. At a standstill and under
   * every lock.
   */
  take(): HeapParts | undefined {
    const { pageMap, i32 } = this.original.region;
    const records = i32[Backing.mapped];
    if (!isPlausibleMap(records, pageMap.pages)) return undefined;
    this.copy(0, (PAGE_MAP_WORD + records * PageRecord.words) * 4);
    for (let page = NULL_PAGE; page < pageMap.pages;) {
      const length = pageMap.length(page);
      const end = pageAfter(page, length);
      if (length === 0 || end > pageMap.pages) return undefined;
      this.copyExtent(page, pageMap.kind(page), length);
      page = end;
    }
    return this.core;
  }

  private copyExtent(page: PageIndex, kind: PageKind, length: number): void {
    if (kind === PageKind.states || kind === PageKind.cache) this.copyPages(page, length);
    if (kind !== PageKind.free) return;
    const { pageMap } = this.original.region;
    const [from, to] = [pageMap.zeroFrom(page), pageMap.zeroTo(page)];
    if (from < page || to <= from || to > page + length) return;
    this.copyPages(from as PageIndex, 1); // those two are looked at
    this.copyPages((to - 1) as PageIndex, 1);
  }

  private copyPages(page: PageIndex, length: number): void {
    this.copy(pageToOffset(page), pageToOffset(page) + length * PAGE_SIZE);
  }

  private copy(from: number, to: number): void {
    this.region.u8.set(this.original.region.u8.subarray(from, to), from);
  }
}
