// Walking all extents by the tags of their first pages, from page 0 to the region's end [PAGE-1].

import { VmemError } from '../base/errors';
import { NULL_PAGE, pageAfter, type PageIndex } from '../base/units';
import { PageKind, type PageMap } from '../layout/page-map';

export type VisitExtent = (page: PageIndex, kind: PageKind, length: number) => void;

/**
 * Visits each extent, in the order of addresses. Extent lock held.
 * @throws VmemError ECORRUPT where the tags don't tile the region
 */
export function walkExtents(pageMap: PageMap, visit: VisitExtent): void {
  for (let page = NULL_PAGE; page < pageMap.pages;) {
    const kind = pageMap.kind(page);
    const length = pageMap.length(page);
    const isTail = kind === PageKind.freeTail || kind === PageKind.unbackedTail;
    if (kind === PageKind.inside || isTail || kind > PageKind.unbacked || length === 0) {
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
