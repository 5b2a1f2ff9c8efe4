// Checks the pages of block states against the runs that slabs have in them.

import { LINE_SIZE, pageToOffset, type PageIndex } from '../../base/units';
import { Extents } from '../../layout/region-layout';
import { MAX_STATE_LINES } from '../../slab/size-classes';
import {
  MAX_STATE_PAGES,
  REDZONE_BYTE,
  allFree,
  hasRunInUse,
  isFreeIn,
  runBeginningAt,
  runsOfPage,
  without,
} from '../../slab/state-extent';
import { walkList, type CheckScene } from './scene';

export function checkStateStore(scene: CheckScene): void {
  const { found, i32, pageMap } = scene;
  const withFree = new Set<PageIndex>();
  for (const [page, first] of scene.statePages) {
    if (page === first) checkExtent(scene, first);
    const lines = pageMap.runLength(page);
    if (
      !found.expect(
        lines >= 1 && lines <= MAX_STATE_LINES && lines === pageMap.runLength(first),
        '[STORE-2]',
        () => `state page ${page}: runs of ${lines}`,
      )
    ) {
      continue;
    }
    let free = allFree(runsOfPage(lines, page === first));
    for (const line of scene.runs.get(page) ?? []) {
      const run = runBeginningAt(line, first, lines);
      const isTheirs = found.expect(
        isFreeIn(free, run),
        '[STORE-2]',
        () => `line ${line}: two slabs have it, or no run`,
      );
      if (isTheirs) free = without(free, run);
    }
    const [low, high] = free;
    found.expect(
      pageMap.freeRunsLow(page) === low && pageMap.freeRunsHigh(page) === high,
      '[STORE-2]',
      () =>
        `state page ${page}: bitmap ${pageMap.freeRunsLow(page)} ${pageMap.freeRunsHigh(page)}, slabs leave ${low} ${high}`,
    );
    if (low !== 0 || high !== 0) withFree.add(page);
  }
  for (let lines = 0; lines < Extents.end - Extents.statePageHeads; lines++) {
    const head = i32[Extents.statePageHeads + lines] as PageIndex;
    walkList(scene, '[STORE-3]', `state pages with runs of ${lines}`, head, (page) => {
      return pageMap.runLength(page) === lines && withFree.delete(page);
    });
  }
  for (const page of withFree) {
    found.expect(false, '[STORE-3]', () => `state page ${page}: has a free run but is in no list`);
  }
}

function checkExtent({ found, pageMap, runs, u8 }: CheckScene, first: PageIndex): void {
  const start = pageToOffset(first);
  const redzone = u8.subarray(start, start + LINE_SIZE).every((byte) => byte === REDZONE_BYTE);
  found.expect(redzone, '[STORE-1]', () => `state page ${first}: its redzone was written over`);
  const length = pageMap.length(first);
  found.expect(length <= MAX_STATE_PAGES, '[STORE-2]', () => `state page ${first}: an extent of ${length}`);
  found.expect(
    hasRunInUse(runs, first, length),
    '[STORE-3]',
    () => `state page ${first}: kept without a run in use`,
  );
}
