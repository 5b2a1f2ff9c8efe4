// Checks the indexes of free extents against the census.

import { NULL_PAGE, PAGE_SIZE, pageToWord, type PageIndex } from '../../base/units';
import type { ExtentIndex } from '../../extent/extent-index';
import { LOW_PAGES, OWN_END, isAcross } from '../../extent/free-extents';
import { Extents, FreeIndex } from '../../layout/region-layout';
import { walkList, type CheckScene } from './scene';

export function checkFreeIndex(scene: CheckScene): void {
  const { found, i32, pageMap } = scene;
  const { free } = scene.core.extents;
  const seen = new Set<PageIndex>();
  checkIndex(scene, 'in the low part', free.low, Extents.low, seen);
  checkIndex(scene, 'between that and 4 GiB', free.own, Extents.own, seen);
  checkIndex(scene, 'behind 4 GiB', free.high, Extents.high, seen);
  const acrossLow = { name: 'low part', word: i32[Extents.acrossLow], border: LOW_PAGES, page: NULL_PAGE };
  const acrossOwn = { name: 'first 4 GiB', word: i32[Extents.acrossOwn], border: OWN_END, page: NULL_PAGE };
  for (const [page, length] of scene.freePages) {
    for (const across of [acrossLow, acrossOwn])
      if (isAcross(page, length, across.border)) across.page = page;
    const [from, to] = [pageMap.zeroFrom(page), pageMap.zeroTo(page)];
    found.expect(
      (from === 0 && to === 0) ||
        (page <= from && from < to && to <= page + length && isZero(scene, from) && isZero(scene, to - 1)),
      '[FREE-3]',
      () => `free extent of ${length} pages at page ${page}: pages ${from} to ${to} are said to be zero`,
    );
    found.expect(seen.has(page), '[FREE-1]', () => `free extent at page ${page}: in no list`);
  }
  for (const { name, word, page } of [acrossLow, acrossOwn])
    found.expect(
      word === page,
      '[FREE-4]',
      () => `page ${word} is said to begin the free extent across the end of the ${name}, page ${page} does`,
    );
}

/** A page that nobody has touched so far gets memory by this, so only two of each extent are looked at. */
function isZero({ i32 }: CheckScene, page: number): boolean {
  const word = pageToWord(page as PageIndex);
  for (let i = 0; i < PAGE_SIZE / 4; i++) if (i32[word + i] !== 0) return false;
  return true;
}

function checkIndex(
  scene: CheckScene,
  name: string,
  index: ExtentIndex,
  start: number,
  seen: Set<PageIndex>,
): void {
  const { found, i32 } = scene;
  const { free } = scene.core.extents;
  for (let list = 0; list < FreeIndex.lists; list++) {
    const head = i32[start + FreeIndex.heads + list] as PageIndex;
    const bit = (i32[start + FreeIndex.bitmap + (list >>> 5)] >>> (list & 31)) & 1;
    found.expect(
      (bit === 1) === (head !== NULL_PAGE),
      '[FREE-2]',
      () => `list ${list} ${name}: bit ${bit}, head ${head}`,
    );
    walkList(scene, '[FREE-1]', `free list ${list} ${name}`, head, (page) => {
      seen.add(page);
      const length = scene.freePages.get(page);
      return length !== undefined && free.indexOf(page) === index && index.listOf(page, length) === list;
    });
  }
  for (let word = 0; word < 32; word++) {
    const bit = (i32[start + FreeIndex.summary] >>> word) & 1;
    const bits = word * 32 < FreeIndex.lists ? i32[start + FreeIndex.bitmap + word] : 0;
    found.expect(
      (bit === 1) === (bits !== 0),
      '[FREE-2]',
      () => `${name}: summary bit ${word} is ${bit}, word ${bits}`,
    );
  }
}
