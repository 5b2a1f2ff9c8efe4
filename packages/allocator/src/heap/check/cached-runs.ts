// Checks the runs of pages in thread caches against the entries that should name them.

import { PAGE_SHIFT, asPage, pageToWord, type PageIndex } from '../../base/units';
import { cachedRunTag } from '../../layout/page-map';
import { ENTRY, SHORTEST_RUN } from '../../layout/thread-cache-layout';
import type { CheckScene } from './scene';

export function checkCachedRuns(scene: CheckScene): void {
  const { core, found } = scene;
  for (let slot = 0; slot < core.slots.count; slot++) {
    const page = core.slots.cachePage(slot);
    if (page <= 0 || page + core.cacheLayout.pages > scene.pageMap.pages || !core.slots.inUse(slot)) continue;
    checkRunsOf(scene, slot, pageToWord(page), core.slots.isTorn(slot));
  }
  for (const page of scene.cachedRuns.keys()) {
    found.expect(false, '[CACHE-1]', () => `pages from ${page}: said to be cached, in no cache`);
  }
}

/** A thread that has died may have stopped between two stores: its whole stacks count, for what they hold. */
function checkRunsOf(scene: CheckScene, slot: number, start: number, isTorn: boolean): void {
  const { i32, found } = scene;
  const { firstRun, stack, capacity, tops, runPages } = scene.core.cacheLayout;
  let pagesInRuns = 0;
  for (let i = firstRun; i < capacity.length; i++) {
    const pages = SHORTEST_RUN + i - firstRun;
    const bottom = start + stack[i];
    const end = bottom + ENTRY * capacity[i];
    const top = isTorn ? end : Math.min(i32[start + tops + 2 * i], end);
    for (let entry = bottom; entry < top; entry += ENTRY) {
      const pageGranuleShift = PAGE_SHIFT - scene.core.region.granuleShift;
      const page = asPage(i32[entry] >>> pageGranuleShift);
      const isRun = i32[entry] === page << pageGranuleShift && hasRun(scene, page, slot, pages);
      found.expect(
        isTorn || isRun,
        '[CACHE-1]',
        () => `slot ${slot}: no run of ${pages} pages at page ${page}, as its cache says`,
      );
      if (isRun) pagesInRuns += pages;
    }
  }
  found.expect(
    isTorn || i32[start + runPages] === pagesInRuns,
    '[CACHE-2]',
    () => `slot ${slot}: counts ${i32[start + runPages]} pages in runs, there are ${pagesInRuns}`,
  );
}

function hasRun(scene: CheckScene, page: PageIndex, slot: number, pages: number): boolean {
  if (page >= scene.pageMap.pages || scene.pageMap.tag(page) !== cachedRunTag(slot, pages)) return false;
  return scene.cachedRuns.delete(page); // not named before
}
