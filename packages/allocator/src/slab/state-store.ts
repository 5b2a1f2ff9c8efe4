// Room for the block states of slabs, out of the way of user data: extents of kind `states`, of the shape that
// `state-extent` describes. The extent lock protects it all.
//
// [STORE-1] The redzone of an extent of states is intact.
// [STORE-2] A run is taken exactly if one slab has its states there; a page's bitmap has a set bit for each of its runs
//           that is free, and no others.
// [STORE-3] A state page is in the list of its run length exactly if it has a free run; no extent of states has only
//           free runs.

import { VmemError } from '../base/errors';
import {
  LINES_PER_PAGE,
  LINE_SIZE,
  NULL_PAGE,
  lineAfter,
  lineToOffset,
  lineToPage,
  pageAfter,
  pageToOffset,
  type LineIndex,
  type PageIndex,
} from '../base/units';
import { PageLists } from '../layout/page-list';
import { PageKind } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Extents } from '../layout/region-layout';
import type { ExtentAllocator } from '../extent/extent-allocator';
import { OWN_END } from '../extent/free-extents';
import {
  MAX_STATE_PAGES,
  NO_RUN,
  REDZONE_BYTE,
  allFree,
  firstLineOf,
  firstStatePage,
  isDenserWhenLong,
  runBeginningAt,
  runsOfPage,
} from './state-extent';

/** What `take` returns where it finds none. */
export const NO_LINE = 0 as LineIndex;
/** A new extent of states is for half as many slabs as the class has, and for no more than the free pages can become. */
const GROWTH = 0.5;
/** One page of states is for 16 pages of blocks of 16 bytes, or for 8 of blocks of 8. */
const STATE_PAGES = 1 / 16;

export class StateStore {
  private readonly pageMap;
  private readonly lists: PageLists;

  constructor(
    private readonly region: Region,
    private readonly extents: ExtentAllocator,
  ) {
    this.pageMap = region.pageMap;
    this.lists = new PageLists(region.i32, region.pageMap, '[STORE-3]');
  }

  /** A run of zeroed lines for a class that has so many `slabs`, or `NO_LINE`. Extent lock held. */
  take(lines: number, slabs: number): LineIndex {
    const { pageMap } = this;
    let page = this.lists.first(Extents.statePageHeads + lines);
    if (page === NULL_PAGE) {
      page = this.addExtent(lines, slabs);
      if (page === NULL_PAGE) return NO_LINE;
    }
    const isFirst = this.extentHaving(page, lines) === page;
    let run: number;
    if (pageMap.freeRunsLow(page) !== 0) {
      run = 31 - Math.clz32(pageMap.freeRunsLow(page) & -pageMap.freeRunsLow(page));
      pageMap.setFreeRunsLow(page, pageMap.freeRunsLow(page) & (pageMap.freeRunsLow(page) - 1));
    } else {
      if (pageMap.freeRunsHigh(page) === 0)
        throw new VmemError('ECORRUPT', `[STORE-3] state page ${page}: in a list, but without a free run`);
      run = 63 - Math.clz32(pageMap.freeRunsHigh(page) & -pageMap.freeRunsHigh(page));
      pageMap.setFreeRunsHigh(page, pageMap.freeRunsHigh(page) & (pageMap.freeRunsHigh(page) - 1));
    }
    if (run >= runsOfPage(lines, isFirst))
      throw new VmemError('ECORRUPT', `[STORE-2] state page ${page}: run ${run} is said to be free`);
    if (pageMap.freeRunsLow(page) === 0 && pageMap.freeRunsHigh(page) === 0)
      this.lists.remove(Extents.statePageHeads + lines, page);
    const line = lineAfter(firstLineOf(page, isFirst), run * lines);
    this.region.u8.fill(0, lineToOffset(line), lineToOffset(line) + lines * LINE_SIZE);
    return line;
  }

  /** Extent lock held. */
  release(line: LineIndex, lines: number): void {
    const { pageMap } = this;
    const page = lineToPage(line);
    const first = this.extentHaving(page, lines);
    const wasFull = pageMap.freeRunsLow(page) === 0 && pageMap.freeRunsHigh(page) === 0;
    const run = runBeginningAt(line, first, lines);
    if (run === NO_RUN)
      throw new VmemError('ECORRUPT', `[STORE-2] line ${line}: no run of ${lines} begins there`);
    if (run < 32) pageMap.setFreeRunsLow(page, pageMap.freeRunsLow(page) | (1 << run));
    else pageMap.setFreeRunsHigh(page, pageMap.freeRunsHigh(page) | (1 << (run - 32)));
    if (wasFull) this.lists.addFirst(Extents.statePageHeads + lines, page);
    if (this.isFree(first, lines)) this.dropExtent(first, lines);
  }

  /** Whether an extent of states has only free runs. */
  private isFree(first: PageIndex, lines: number): boolean {
    const { pageMap } = this;
    for (let i = pageMap.length(first) - 1; i >= 0; i--) {
      const page = pageAfter(first, i);
      const [low, high] = allFree(runsOfPage(lines, i === 0));
      if (pageMap.freeRunsLow(page) !== low || pageMap.freeRunsHigh(page) !== high) return false;
    }
    return true;
  }

  /** The first page of the extent that `page` is in. */
  private extentHaving(page: PageIndex, lines: number): PageIndex {
    const first = firstStatePage(this.pageMap, page);
    if (first === NULL_PAGE || this.pageMap.runLength(page) !== lines)
      throw new VmemError('ECORRUPT', `[STORE-2] page ${page}: not one of states in runs of ${lines}`);
    return first;
  }

  /** Adds an extent of states, all free; its first page, or `NULL_PAGE`. */
  private addExtent(lines: number, slabs: number): PageIndex {
    const { pageMap, extents } = this;
    const { i32, u8 } = this.region;
    let pages = 1;
    if (isDenserWhenLong(lines)) {
      const wanted = Math.min(
        (slabs * lines * GROWTH) / LINES_PER_PAGE,
        i32[Extents.freePages] * STATE_PAGES,
      );
      pages = Math.max(1, Math.min(MAX_STATE_PAGES, Math.floor(wanted)));
    }
    let first = extents.takeBelow(pages, OWN_END);
    if (first === NULL_PAGE && pages > 1) first = extents.takeBelow((pages = 1), OWN_END);
    if (first === NULL_PAGE) return NULL_PAGE;
    const start = pageToOffset(first);
    u8.fill(REDZONE_BYTE, start, start + LINE_SIZE);
    for (let i = pages - 1; i >= 0; i--) {
      const page = pageAfter(first, i);
      const [low, high] = allFree(runsOfPage(lines, i === 0));
      pageMap.setFreeRunsLow(page, low);
      pageMap.setFreeRunsHigh(page, high);
      pageMap.setRunLength(page, lines);
      this.lists.addFirst(Extents.statePageHeads + lines, page);
    }
    extents.commit(first, PageKind.states);
    i32[Extents.statePages] += pages;
    return first;
  }

  /** Gives the pages of an extent back that has only free runs. */
  private dropExtent(first: PageIndex, lines: number): void {
    const { pageMap } = this;
    const pages = pageMap.length(first);
    for (let i = 0; i < pages; i++) {
      this.lists.remove(Extents.statePageHeads + lines, pageAfter(first, i));
      pageMap.setRunLength(pageAfter(first, i), 0);
    }
    this.region.i32[Extents.statePages] -= pages;
    this.extents.release(first);
  }
}
