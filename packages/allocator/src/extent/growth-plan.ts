// Which unbacked pages to give storage, so that a request fits. Extent lock held, and the backing lock, so that
// nothing becomes backed or unbacked between the plan and its execution.

import { alignDown, alignUp, pageAfter, pageBefore, type PageIndex } from '../base/units';
import { PageKind, type PageMap } from '../layout/page-map';
import type { Region } from '../layout/region';
import type { ExtentAllocator } from './extent-allocator';
import { extentEndingAt, extentLength } from './extent-walk';
import { LOW_PAGES, OWN_END } from './free-extents';

/** Pages of one unbacked extent. */
export interface GrowthStep {
  readonly page: PageIndex;
  /** What the request needs. */
  readonly least: number;
  /** What can be had there in one piece. */
  readonly most: number;
}

/** The heap's own pages grow by 1 MiB at a time. */
const OWN_STEP = 256;
/** Only so many pages are taken from the end of a run, 4 MiB: nothing is left behind them for a longer step. */
const MUCH = 1024;
/** Taking from the end may need this share of the request more storage than taking from the start. */
const MORE = 1 / 8;

/**
 * Plans that leave `pages` free pages in a row from a multiple of `alignment` on, in the order in which to try them: each
 * may need more storage than the next one. A plan is all its steps; none if that can't be.
 */
export function planGrowth(
  region: Region,
  extents: ExtentAllocator,
  pages: number,
  alignment: number,
): GrowthStep[][] {
  if (extents.unbacked.isEmpty) return []; // without a walk: a program may try often where memory is out
  // Callers get the low part first; in a region of more than 4 GiB what lies between last, for what the heap itself
  // needs must fit there.
  const rest: Part = region.pages <= OWN_END ? [0, region.pages] : [OWN_END, region.pages];
  const plans = [[0, LOW_PAGES] as const, rest]
    .map((part) => planStep(region, extents, pages, alignment, part))
    .filter((step) => step !== undefined)
    .map((step) => [step]);
  return plans.length > 0 ? plans : planSteps(region, extents, pages, alignment);
}

/** The same for pages that can be the heap's own. */
export function planOwnGrowth(region: Region, extents: ExtentAllocator, pages: number): GrowthStep[][] {
  const step =
    planStep(region, extents, pages, 1, [LOW_PAGES, OWN_END]) ??
    planStep(region, extents, pages, 1, [0, OWN_END]);
  return step === undefined ? [] : [[{ ...step, most: Math.min(step.most, Math.max(step.least, OWN_STEP)) }]];
}

/** Steps that leave the `pages` pages from `page` on free; undefined if they can't be. */
export function planExtension({ pageMap }: Region, page: PageIndex, pages: number): GrowthStep[] | undefined {
  const to = page + pages;
  // in a region of more than 4 GiB callers get what lies between the low part and 4 GiB last
  const isOutside = pageMap.pages <= OWN_END || page >= OWN_END;
  const limit = isOutside ? pageMap.pages : LOW_PAGES;
  return to > limit ? undefined : stepsBetween(pageMap, page, page, to, limit);
}

/** Pages from the first up to the second. */
type Part = readonly [number, number];

/** In one unbacked extent with its free neighbours, inside a part: what needs least, and of that the shortest. */
function planStep(
  { pageMap }: Region,
  { unbacked }: ExtentAllocator,
  pages: number,
  alignment: number,
  [partStart, partEnd]: Part,
): GrowthStep | undefined {
  let best: GrowthStep | undefined;
  let bestLength = Infinity;
  for (const hole of unbacked.members()) {
    const length = extentLength(pageMap, hole);
    const holeEnd = hole + length;
    const before = pageBefore(hole, 1);
    const kindBefore = pageMap.kind(before);
    const hasFreeBefore = kindBefore === PageKind.free || kindBefore === PageKind.freeTail;
    const hasFreeBehind = holeEnd < pageMap.pages && pageMap.kind(pageAfter(hole, length)) === PageKind.free;
    const start = Math.max(hole, partStart);
    const end = Math.min(holeEnd, partEnd);
    if (start >= end) continue;
    const freeBefore = start === hole && hasFreeBefore ? pageMap.length(before) : 0;
    const freeBehind = end === holeEnd && hasFreeBehind ? pageMap.length(pageAfter(hole, length)) : 0;
    const from = alignUp(start - freeBefore, alignment);
    const to = from + pages;
    if (to > end + freeBehind) continue;
    const page = Math.max(from, start);
    const least = Math.min(to, end) - page;
    if (least <= 0 || least > (best?.least ?? Infinity)) continue;
    if (least === best?.least && end - start >= bestLength) continue;
    best = { page: page as PageIndex, least, most: end - page };
    bestLength = end - start;
  }
  return best;
}

/**
 * In the first run of free and unbacked extents that is long enough. In a region of more than 4 GiB much is taken from the end
 * if that costs little more storage; where nothing of the run would be left for the heap's own otherwise, a single step may cost
 * any, and several no more. A plan that fails leaves storage behind, by which the next one is out of date, unless it is a
 * single step.
 */
function planSteps(
  { pageMap }: Region,
  { unbacked }: ExtentAllocator,
  pages: number,
  alignment: number,
): GrowthStep[][] {
  let start: PageIndex | undefined;
  // each run once: from the first unbacked extent in it
  for (const hole of unbacked.members()) {
    const first = startOfRun(pageMap, hole);
    if (first === undefined || first >= (start ?? Infinity)) continue;
    if (alignUp(first, alignment) + pages <= endOfRun(pageMap, first)) start = first;
  }
  if (start === undefined) return [];
  const run = start;
  const planFrom = (from: number): GrowthStep[] =>
    stepsBetween(pageMap, run, from, from + pages, pageMap.pages) ?? [];
  const lowest = alignUp(run, alignment);
  const highest = alignDown(endOfRun(pageMap, run) - pages, alignment);
  const plan = planFrom(lowest);
  if (pageMap.pages <= OWN_END || pages < MUCH || highest === lowest) return [plan];
  const atEnd = planFrom(highest);
  if (atEnd.length === 0) return [plan];
  const more = needOf(atEnd) - needOf(plan);
  const takesAll = lowest < OWN_END && lowest + pages >= OWN_END; // that the run has below 4 GiB
  if (atEnd.length > 1) return takesAll && more <= 0 ? [atEnd] : [plan];
  return takesAll || more <= pages * MORE ? [atEnd, plan] : [plan];
}

const needOf = (plan: GrowthStep[]): number => plan.reduce((sum, { least }) => sum + least, 0);

/** First page of the run around the unbacked extent at `hole`; undefined unless that is the run's first one. */
function startOfRun(pageMap: PageMap, hole: PageIndex): PageIndex | undefined {
  const last = pageBefore(hole, 1);
  const kind = pageMap.kind(last);
  const isBehindFree = kind === PageKind.free || kind === PageKind.freeTail;
  const start = isBehindFree ? extentEndingAt(pageMap, last, PageKind.free) : hole;
  const before = pageMap.kind(pageBefore(start, 1));
  return before === PageKind.unbacked || before === PageKind.unbackedTail ? undefined : start;
}

/** The page behind the free and unbacked extents from that at `page` on. */
function endOfRun(pageMap: PageMap, page: PageIndex): number {
  let end = page;
  while (end < pageMap.pages && isRoom(pageMap.kind(end))) end = pageAfter(end, extentLength(pageMap, end));
  return end;
}

const isRoom = (kind: PageKind): boolean => kind === PageKind.free || kind === PageKind.unbacked;

/**
 * What must get storage so that pages `from` to `to` are free, in extents from that at `start` on, and may get it up to page
 * `limit`; undefined if something else than free and unbacked pages lies there.
 */
function stepsBetween(
  pageMap: PageMap,
  start: PageIndex,
  from: number,
  to: number,
  limit: number,
): GrowthStep[] | undefined {
  const steps: GrowthStep[] = [];
  let page = start;
  while (page < to) {
    if (page >= pageMap.pages) return undefined;
    const kind = pageMap.kind(page);
    if (!isRoom(kind)) return undefined;
    const end = pageAfter(page, extentLength(pageMap, page));
    if (kind === PageKind.unbacked && end > from) {
      const first = Math.max(page, from) as PageIndex;
      steps.push({ page: first, least: Math.min(end, to) - first, most: Math.min(end, limit) - first });
    }
    page = end;
  }
  return steps;
}
