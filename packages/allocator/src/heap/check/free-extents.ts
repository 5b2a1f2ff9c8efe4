// Checks the index of free extents against the census.

import { NULL_PAGE, type PageIndex } from '../../base/units';
import { binOfLength } from '../../extent/free-extents';
import { Extents } from '../../layout/region-layout';
import { walkList, type CheckScene } from './scene';

export function checkFreeIndex(scene: CheckScene): void {
  const { found, i32, pageMap } = scene;
  const seen = new Set<PageIndex>();
  for (let bin = 0; bin < Extents.binCount; bin++) {
    const head = scene.core.extents.free.head(bin);
    const bit = (i32[Extents.binBitmap + (bin >>> 5)] >>> (bin & 31)) & 1;
    found.expect(
      (bit === 1) === (head !== NULL_PAGE),
      '[FREE-2]',
      () => `list ${bin}: bit ${bit}, head ${head}`,
    );
    walkList(scene, '[FREE-1]', `free list ${bin}`, head, (page) => {
      seen.add(page);
      return scene.freePages.has(page) && binOfLength(pageMap.length(page)) === bin;
    });
  }
  for (let word = 0; word * 32 < Extents.binCount; word++) {
    const bit = (i32[Extents.binSummary] >>> word) & 1;
    const bits = i32[Extents.binBitmap + word];
    found.expect(
      (bit === 1) === (bits !== 0),
      '[FREE-2]',
      () => `summary bit ${word} is ${bit}, word ${bits}`,
    );
  }
  for (const [page, length] of scene.freePages) {
    const [from, to] = [pageMap.a(page), pageMap.b(page)];
    found.expect(
      (from === 0 && to === 0) || (page <= from && from < to && to <= page + length),
      '[FREE-3]',
      () => `free extent of ${length} pages at page ${page}: pages ${from} to ${to} said to be zero`,
    );
    found.expect(seen.has(page), '[FREE-1]', () => `free extent at page ${page}: in no list`);
  }
}
