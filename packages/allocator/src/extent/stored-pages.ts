// Which pages of a region have storage, as its own data tell: for whoever maps them or copies them.

import type { Region } from '../layout/region';
import { Backing, PAGE_MAP, mapPagesOf } from '../layout/region-layout';
import { PageKind } from '../layout/page-map';
import type { PageRange } from './extent-allocator';
import { walkExtents } from './extent-walk';

/**
 * The pages with storage, by address. Each range must be there before the next one is asked for: the first is the head, which
 * tells where the page map is, and that tells of the rest. Nothing of the region may change meanwhile.
 *
 * @param isUsed whether what holds nothing is left out
 * @throws VmemError ECORRUPT
 */
export function* storedPages(region: Region, isUsed = false): Generator<PageRange, undefined, undefined> {
  const { i32, pageMap, firstDataPage } = region;
  yield { from: 0, to: PAGE_MAP };
  const first = PAGE_MAP + 1;
  const from = first + i32[Backing.skipped];
  const to = Math.min(PAGE_MAP + mapPagesOf(i32[Backing.mapped]), firstDataPage);
  yield { from: PAGE_MAP, to: from === first ? Math.max(first, to) : first };
  if (first < from && from < to) yield { from, to };
  const runs: { from: number; to: number }[] = [];
  walkExtents(pageMap, (page, kind, length) => {
    const isLeftOut = kind === PageKind.unbacked || (isUsed && kind === PageKind.free);
    if (page < firstDataPage || isLeftOut) return;
    const last = runs.at(-1);
    if (last?.to === page) last.to += length;
    else runs.push({ from: page, to: page + length });
  });
  yield* runs;
}
