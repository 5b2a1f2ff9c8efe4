// Room for the block states of slabs, out of the way of user data: pages of kind `states`, each cut into equal
// runs of 64-byte lines, with a bitmap of the free runs in the page map. The extent lock protects it all.
//
//   | redzone: one line of 0x5a | run 0 | run 1 | ... |
//
// A caller that writes past the end of a block in the page before meets the redzone, not states.
//
// [STORE-1] A state page's redzone is intact.
// [STORE-2] A run is taken exactly if one slab has its states there; the bitmap has a set bit for every run
//           that is free, and no others.
// [STORE-3] A state page is in the list of its run length exactly if it has a free run; none has only free runs.

import { VmemError } from '../base/errors';
import {
  LINES_PER_PAGE,
  LINE_SIZE,
  NULL_PAGE,
  PAGE_SIZE,
  lineAfter,
  lineToOffset,
  lineToPage,
  pageToLine,
  pageToOffset,
  type LineIndex,
  type PageIndex,
} from '../base/units';
import { PageLists } from '../layout/page-list';
import { PageKind, PageRecord } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Extents } from '../layout/region-layout';
import type { ExtentAllocator } from '../extent/extent-allocator';

export const REDZONE_BYTE = 0x5a;
/** Caches hold the index of a state byte in 32 bits, so state pages lie below 4 GiB. */
const STATE_INDEX_PAGES = 2 ** 32 / PAGE_SIZE;
/** What `take` returns where it finds none. */
export const NO_LINE = 0 as LineIndex;

/** Runs of `lines` lines in a state page. */
export const runsPerPage = (lines: number): number => Math.floor((LINES_PER_PAGE - 1) / lines);
/** The bitmap of a page whose `runs` runs are all free: its low and its high half. */
export const allFree = (runs: number): readonly [number, number] => [
  runs >= 32 ? -1 : ((1 << runs) - 1) | 0,
  runs <= 32 ? 0 : ((1 << (runs - 32)) - 1) | 0,
];

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

  /** A run of zeroed lines, or `NO_LINE`. Extent lock held. */
  take(lines: number): LineIndex {
    const { pageMap } = this;
    let page = this.lists.first(Extents.statePageHeads + lines);
    if (page === NULL_PAGE) {
      page = this.addPage(lines);
      if (page === NULL_PAGE) return NO_LINE;
    }
    this.requireStates(page, lines);
    let run = 31 - Math.clz32(pageMap.a(page) & -pageMap.a(page));
    if (run >= 0) {
      pageMap.setA(page, pageMap.a(page) & (pageMap.a(page) - 1));
    } else {
      run = 63 - Math.clz32(pageMap.b(page) & -pageMap.b(page));
      pageMap.setB(page, pageMap.b(page) & (pageMap.b(page) - 1));
    }
    if (run < 0 || run >= runsPerPage(lines))
      throw new VmemError('ECORRUPT', `[STORE-2] state page ${page}: run ${run} is said to be free`);
    if (pageMap.a(page) === 0 && pageMap.b(page) === 0)
      this.lists.remove(Extents.statePageHeads + lines, page);
    const line = lineAfter(pageToLine(page), 1 + run * lines);
    this.region.u8.fill(0, lineToOffset(line), lineToOffset(line) + lines * LINE_SIZE);
    return line;
  }

  /** Extent lock held. */
  release(line: LineIndex, lines: number): void {
    const { pageMap } = this;
    const page = lineToPage(line);
    this.requireStates(page, lines);
    const wasFull = pageMap.a(page) === 0 && pageMap.b(page) === 0;
    const run = (line - pageToLine(page) - 1) / lines;
    if (!Number.isInteger(run) || run < 0 || run >= runsPerPage(lines))
      throw new VmemError('ECORRUPT', `[STORE-2] line ${line}: no run of ${lines} begins there`);
    if (run < 32) pageMap.setA(page, pageMap.a(page) | (1 << run));
    else pageMap.setB(page, pageMap.b(page) | (1 << (run - 32)));
    const [low, high] = allFree(runsPerPage(lines));
    if (pageMap.a(page) === low && pageMap.b(page) === high) {
      if (!wasFull) this.lists.remove(Extents.statePageHeads + lines, page);
      this.region.i32[Extents.statePages]--;
      pageMap.words[(page << PageRecord.shift) + PageRecord.pageOffset] = 0;
      this.extents.release(page);
    } else if (wasFull) {
      this.lists.addFirst(Extents.statePageHeads + lines, page);
    }
  }

  private requireStates(page: PageIndex, lines: number): void {
    const { pageMap } = this;
    if (
      page <= 0 ||
      page >= pageMap.pages ||
      pageMap.kind(page) !== PageKind.states ||
      pageMap.pageOffset(page) !== lines
    )
      throw new VmemError('ECORRUPT', `[STORE-2] page ${page}: not one of states in runs of ${lines}`);
  }

  private addPage(lines: number): PageIndex {
    const { pageMap } = this;
    const page = this.extents.takeBelow(1, STATE_INDEX_PAGES);
    if (page === NULL_PAGE) return NULL_PAGE;
    const start = pageToOffset(page);
    this.region.u8.fill(REDZONE_BYTE, start, start + LINE_SIZE);
    const [low, high] = allFree(runsPerPage(lines));
    pageMap.setA(page, low);
    pageMap.setB(page, high);
    pageMap.words[(page << PageRecord.shift) + PageRecord.pageOffset] = lines;
    this.lists.addFirst(Extents.statePageHeads + lines, page);
    this.extents.commit(page, PageKind.states);
    this.region.i32[Extents.statePages]++;
    return page;
  }
}
