// Which unbacked pages to give storage, so that a request fits. Extent lock held, and the backing lock, so that
// nothing becomes backed or unbacked between the plan and its execution.

import { NULL_PAGE, pageAfter, pageBefore, type PageIndex } from '../base/units';
import { PageKind } from '../layout/page-map';
import type { Region } from '../layout/region';
import type { ExtentAllocator } from './extent-allocator';
import { walkExtents } from './extent-walk';

/** Pages of one unbacked extent. */
export interface GrowthStep {
  readonly page: PageIndex;
  /** What the request needs. */
  readonly least: number;
  /** What can be had there in one piece. */
  readonly most: number;
}

/** Steps that leave `pages` free pages in a row from a multiple of `alignment` on; none if that can't be. */
export function planGrowth(
  region: Region,
  extents: ExtentAllocator,
  pages: number,
  alignment: number,
): GrowthStep[] {
  const step = planStep(region, extents, pages, alignment);
  return step === undefined ? planSteps(region, pages, alignment) : [step];
}

const roundUp = (page: number, alignment: number): number => Math.ceil(page / alignment) * alignment;

/** One unbacked extent with its free neighbours: the one that needs least, and of those the shortest. */
function planStep(
  { pageMap }: Region,
  { unbacked }: ExtentAllocator,
  pages: number,
  alignment: number,
): GrowthStep | undefined {
  let best: GrowthStep | undefined;
  let bestLength = Infinity;
  let tries = pageMap.pages;
  for (let hole = unbacked.first; hole !== NULL_PAGE && tries-- > 0; hole = pageMap.next(hole)) {
    const length = pageMap.length(hole);
    const holeEnd = hole + length;
    const before = pageBefore(hole, 1);
    const kindBefore = pageMap.kind(before);
    const hasFreeBefore = kindBefore === PageKind.free || kindBefore === PageKind.freeTail;
    const start = hasFreeBefore ? hole - pageMap.length(before) : hole;
    const behind = pageAfter(hole, length);
    const hasFreeBehind = holeEnd < pageMap.pages && pageMap.kind(behind) === PageKind.free;
    const from = roundUp(start, alignment);
    const to = from + pages;
    if (to > holeEnd + (hasFreeBehind ? pageMap.length(behind) : 0)) continue;
    const page = Math.max(from, hole);
    const least = Math.min(to, holeEnd) - page;
    if (least <= 0 || least > (best?.least ?? Infinity)) continue;
    if (least === best?.least && length >= bestLength) continue;
    best = { page: page as PageIndex, least, most: holeEnd - page };
    bestLength = length;
  }
  return best;
}

/** The first run of free and unbacked extents that is long enough. */
function planSteps({ pageMap }: Region, pages: number, alignment: number): GrowthStep[] {
  let steps: GrowthStep[] = [];
  let run: GrowthStep[] = [];
  let from = 0;
  let end = 0;
  walkExtents(pageMap, (page, kind, length) => {
    if (steps.length > 0 || (kind !== PageKind.free && kind !== PageKind.unbacked)) return;
    if (page !== end) {
      run = [];
      from = roundUp(page, alignment);
    }
    end = page + length;
    if (kind === PageKind.unbacked && end > from) {
      const first = Math.max(page, from) as PageIndex;
      run.push({ page: first, least: Math.min(end, from + pages) - first, most: end - first });
    }
    if (end >= from + pages) steps = run;
  });
  return steps;
}
