// The shape of an extent of block states: pages of kind `states`, each cut into equal runs of 64-byte lines. A slab has
// its states in one run. Words 2 and 3 of each page's record are a bitmap of its free runs, word 1 tells their length.
//
//   | redzone: one line of 0x5a | run 0 | run 1 | ... || run 0 | run 1 | ... || ...
//
// A caller that writes past the end of a block in the page before meets the redzone, not states. It costs the first page
// a run: a page holds 15 runs of 4 lines and 16 without it, 7 of 8 lines and 8. So where there are many blocks of 8 and of
// 16 bytes an extent has up to 16 pages behind one redzone.

import { LINES_PER_PAGE, NULL_PAGE, lineToPage, pageAfter, pageBefore, pageToLine } from '../base/units';
import type { LineIndex, PageIndex } from '../base/units';
import { PageKind, type PageMap } from '../layout/page-map';

export const REDZONE_BYTE = 0x5a;
/** Pages of the longest extent of states. */
export const MAX_STATE_PAGES = 16;
/** What `runBeginningAt` returns where none begins. */
export const NO_RUN = -1;

/** Runs of `lines` lines in a state page, the first one of its extent or another one. */
export const runsOfPage = (lines: number, isFirst: boolean): number =>
  Math.floor((LINES_PER_PAGE - (isFirst ? 1 : 0)) / lines);

/**
 * Whether an extent of several pages has room for a fifteenth more runs of `lines` lines, or for more. Shorter runs lose too
 * little to the redzone: one slab that is left keeps all of a longer extent.
 */
export const isDenserWhenLong = (lines: number): boolean =>
  lines >= 4 && runsOfPage(lines, false) > runsOfPage(lines, true);

/** A page's free runs, a bit for each: the low and the high half. */
export type FreeRuns = readonly [low: number, high: number];

/** The bitmap of a page whose `runs` runs, 63 at most, are all free. */
export const allFree = (runs: number): FreeRuns => [
  runs >= 32 ? -1 : ((1 << runs) - 1) | 0,
  runs <= 32 ? 0 : ((1 << (runs - 32)) - 1) | 0,
];

export const isFreeIn = ([low, high]: FreeRuns, run: number): boolean =>
  run !== NO_RUN && (run < 32 ? low & (1 << run) : high & (1 << (run - 32))) !== 0;

export const without = ([low, high]: FreeRuns, run: number): FreeRuns =>
  run < 32 ? [low & ~(1 << run), high] : [low, high & ~(1 << (run - 32))];

/** Whether an extent of states has a run in use, by a map of its pages that have. */
export function hasRunInUse(runs: ReadonlyMap<PageIndex, unknown>, first: PageIndex, pages: number): boolean {
  for (let i = 0; i < pages; i++) if (runs.has(pageAfter(first, i))) return true;
  return false;
}

/** The first page of the extent of states that `page` is in, or `NULL_PAGE`. */
export function firstStatePage(pageMap: PageMap, page: PageIndex): PageIndex {
  if (page <= 0 || page >= pageMap.pages) return NULL_PAGE;
  let first = page;
  while (pageMap.tag(first) === 0 && page - first < MAX_STATE_PAGES) first = pageBefore(first, 1);
  const isInside = pageMap.kind(first) === PageKind.states && page - first < pageMap.length(first);
  return isInside ? first : NULL_PAGE;
}

/** First line of the first run in a state page. */
export const firstLineOf = (page: PageIndex, isFirst: boolean): LineIndex =>
  (pageToLine(page) + (isFirst ? 1 : 0)) as LineIndex;

/** Which run of its page begins at `line`, with runs of `lines` lines in an extent that begins at page `first`; or `NO_RUN`. */
export function runBeginningAt(line: LineIndex, first: PageIndex, lines: number): number {
  const page = lineToPage(line);
  const run = (line - firstLineOf(page, page === first)) / lines;
  return Number.isInteger(run) && run >= 0 && run < runsOfPage(lines, page === first) ? run : NO_RUN;
}
