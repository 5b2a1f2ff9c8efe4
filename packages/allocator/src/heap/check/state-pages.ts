// Checks the pages of block states against the runs that slabs have in them.

import { LINE_SIZE, pageToLine, pageToOffset, type PageIndex } from '../../base/units';
import { Extents } from '../../layout/region-layout';
import { MAX_STATE_LINES } from '../../slab/size-classes';
import { REDZONE_BYTE, allFree, runsPerPage } from '../../slab/state-store';
import { walkList, type CheckScene } from './scene';

export function checkStateStore(scene: CheckScene): void {
  const { found, i32, pageMap, u8 } = scene;
  const withFree = new Set<PageIndex>();
  for (const page of scene.statePages) {
    const start = pageToOffset(page);
    const redzone = u8.subarray(start, start + LINE_SIZE).every((byte) => byte === REDZONE_BYTE);
    found.expect(redzone, '[STORE-1]', () => `state page ${page}: its redzone was written over`);
    const lines = pageMap.pageOffset(page);
    if (
      !found.expect(
        lines >= 1 && lines <= MAX_STATE_LINES,
        '[STORE-2]',
        () => `state page ${page}: runs of ${lines}`,
      )
    ) {
      continue;
    }
    let [low, high] = allFree(runsPerPage(lines));
    for (const line of scene.runs.get(page) ?? []) {
      const run = (line - pageToLine(page) - 1) / lines;
      const bit = run < 32 ? low & (1 << run) : high & (1 << (run - 32));
      found.expect(
        Number.isInteger(run) && bit !== 0,
        '[STORE-2]',
        () => `line ${line}: two slabs have it, or no run`,
      );
      if (run < 32) low &= ~(1 << run);
      else high &= ~(1 << (run - 32));
    }
    found.expect(
      pageMap.a(page) === low && pageMap.b(page) === high,
      '[STORE-2]',
      () => `state page ${page}: bitmap ${pageMap.a(page)} ${pageMap.b(page)}, slabs leave ${low} ${high}`,
    );
    found.expect(scene.runs.has(page), '[STORE-3]', () => `state page ${page}: kept without a run in use`);
    if (low !== 0 || high !== 0) withFree.add(page);
  }
  for (let lines = 0; lines < Extents.end - Extents.statePageHeads; lines++) {
    const head = i32[Extents.statePageHeads + lines] as PageIndex;
    walkList(scene, '[STORE-3]', `state pages with runs of ${lines}`, head, (page) => {
      return pageMap.pageOffset(page) === lines && withFree.delete(page);
    });
  }
  for (const page of withFree) {
    found.expect(false, '[STORE-3]', () => `state page ${page}: has a free run but is in no list`);
  }
}
