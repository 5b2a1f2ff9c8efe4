// What the tags of extents' first pages say, and whether that can be: walking all extents from page 0 to the region's end
// [PAGE-1].

import { VmemError } from '../base/errors';
import { NULL_PAGE, pageAfter, pageBefore, type PageIndex } from '../base/units';
import { PageKind, type PageMap } from '../layout/page-map';

export type VisitExtent = (page: PageIndex, kind: PageKind, length: number) => void;

/** Whether a page of this kind is the first of an extent. */
const begins = (kind: PageKind): boolean =>
  kind !== PageKind.inside &&
  kind !== PageKind.freeTail &&
  kind !== PageKind.unbackedTail &&
  kind <= PageKind.unbacked;

/**
 * Visits each extent, in the order of addresses. Extent lock held.
 * @throws VmemError ECORRUPT where the tags don't tile the region
 */
export function walkExtents(pageMap: PageMap, visit: VisitExtent): void {
  for (let page = NULL_PAGE; page < pageMap.pages;) {
    const kind = pageMap.kind(page);
    const length = pageMap.length(page);
    if (!begins(kind) || length === 0) {
      throw new VmemError('ECORRUPT', `[PAGE-1] page ${page}: no extent begins here (kind ${kind})`);
    }
    const end = pageAfter(page, length);
    if (end > pageMap.pages) {
      throw new VmemError('ECORRUPT', `[PAGE-1] page ${page}: ${length} pages reach past the region's end`);
    }
    visit(page, kind, length);
    page = end;
  }
}

/**
 * Pages of the extent at `page`: behind them the next one begins. Extent lock held.
 * @throws VmemError ECORRUPT if not
 */
export function extentLength(pageMap: PageMap, page: PageIndex): number {
  const length = pageMap.length(page);
  const end = pageAfter(page, length);
  if (length === 0 || end > pageMap.pages || (end < pageMap.pages && !begins(pageMap.kind(end)))) {
    throw new VmemError('ECORRUPT', `[PAGE-1] page ${page}: no extent begins ${length} pages behind it`);
  }
  return length;
}

/**
 * First page of the extent of kind `kind` that the page `last` is the last of, as its tag says. Extent lock held.
 * @throws VmemError ECORRUPT if the tag of the first page says something else
 */
export function extentEndingAt(pageMap: PageMap, last: PageIndex, kind: PageKind): PageIndex {
  const length = pageMap.length(last);
  const page = pageBefore(last, length - 1);
  if (page > NULL_PAGE && page <= last && pageMap.kind(page) === kind && pageMap.length(page) === length)
    return page;
  throw new VmemError('ECORRUPT', `[PAGE-2] page ${last}: no extent of ${length} pages ends here`);
}
