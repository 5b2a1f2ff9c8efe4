// What the parts of a check share: the heap under its locks, the census of its extents, and the findings.

import { NULL_PAGE, type LineIndex, type PageIndex } from '../../base/units';
import type { HeapParts } from '../parts';
import { CheckFindings } from './report';

export class CheckScene {
  readonly found = new CheckFindings();
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly pageMap;
  /** Length of each free extent. */
  readonly freePages = new Map<PageIndex, number>();
  /** Length of each unbacked extent. */
  readonly unbacked = new Map<PageIndex, number>();
  /** The first page of the extent, for each page of states. */
  readonly statePages = new Map<PageIndex, PageIndex>();
  /** Length of each cache; those that a slot has claimed are taken out. */
  readonly cachePages = new Map<PageIndex, number>();
  cacheTotal = 0;
  readonly slabs: PageIndex[] = [];
  readonly large = { extents: 0, pages: 0 };
  /** Length of each run of pages in a thread's cache; those that an entry names are taken out. */
  readonly cachedRuns = new Map<PageIndex, number>();
  /** State runs in use, by state page. */
  readonly runs = new Map<PageIndex, LineIndex[]>();

  constructor(readonly core: HeapParts) {
    this.i32 = core.region.i32;
    this.u8 = core.region.u8;
    this.pageMap = core.region.pageMap;
  }
}

/** Follows a list; every member must satisfy `belongs` and link back to the one before. */
export function walkList(
  scene: CheckScene,
  invariant: string,
  name: string,
  head: PageIndex,
  belongs: (page: PageIndex) => boolean,
): void {
  const { pageMap, found } = scene;
  let previous = NULL_PAGE;
  let tries = pageMap.pages;
  for (let page = head; page !== NULL_PAGE; previous = page, page = pageMap.next(page)) {
    const before = previous;
    const at = page;
    const sound =
      page > 0 && page < pageMap.pages && tries-- > 0 && belongs(page) && pageMap.previous(page) === before;
    if (!found.expect(sound, invariant, () => `${name}: page ${at} does not belong after page ${before}`))
      return;
  }
}
