// Checks the tables' first pages and the tiling of the region by extents; takes the census of extents.

import { NULL_PAGE, PAGE_SIZE, pageAfter, type PageIndex } from '../../base/units';
import { walkExtents } from '../../extent/extent-walk';
import { PageKind } from '../../layout/page-map';
import { Backing, Extents } from '../../layout/region-layout';
import { CLASS_COUNT } from '../../slab/size-classes';
import type { CheckScene } from './scene';

export function checkHead(scene: CheckScene): void {
  const { found, core } = scene;
  const dirty = scene.i32.subarray(0, PAGE_SIZE / 4).findIndex((word) => word !== 0);
  found.expect(dirty < 0, '[HEAD-1]', () => `the null page has ${scene.i32[dirty]} at offset ${dirty * 4}`);
  try {
    const { cacheBytes, slots } = core.region.validate(CLASS_COUNT, core.region.openedAs);
    found.expect(
      cacheBytes === core.geometry.cacheBytes && slots === core.geometry.slots,
      '[HEAD-2]',
      () => `identity: ${cacheBytes} bytes a cache, ${slots} slots; it was made with others`,
    );
  } catch (error) {
    found.expect(false, '[HEAD-2]', () => (error as Error).message);
  }
}

export function checkTiling(scene: CheckScene): void {
  const { found, pageMap } = scene;
  const firstData = scene.core.region.firstDataPage;
  walkExtents(pageMap, (page, kind, length) => {
    found.extents++;
    const reserved = kind === PageKind.reserved;
    found.expect(
      reserved === (page === NULL_PAGE) && (!reserved || length === firstData),
      '[PAGE-1]',
      () => `page ${page}: kind ${kind}, ${length} pages; the heap's tables take pages 0 to ${firstData - 1}`,
    );
    found.expect(kind !== PageKind.pending, '[PAGE-1]', () => `page ${page}: pending with the lock free`);
    checkInside(scene, page, kind, length);
    if (kind === PageKind.slab) {
      scene.slabs.push(page);
      const sizeClass = pageMap.sizeClass(page);
      found.expect(
        sizeClass >= 0 && sizeClass < CLASS_COUNT,
        '[PAGE-3]',
        () => `slab at page ${page}: no class ${sizeClass}`,
      );
    } else if (kind !== PageKind.states) {
      checkNoSlab(scene, page, recordsOf(scene, page, kind, length));
    }
    if (kind === PageKind.free) scene.freePages.set(page, length);
    if (kind === PageKind.unbacked) scene.unbacked.set(page, length);
    if (kind === PageKind.states) {
      for (let i = 0; i < length; i++) scene.statePages.set(pageAfter(page, i), page);
    }
    if (kind === PageKind.cache) {
      scene.cachePages.set(page, length);
      scene.cacheTotal += length;
    }
    found.expect(kind !== PageKind.resizing, '[PAGE-1]', () => `page ${page}: resizing with the lock free`);
    if (kind === PageKind.cached) scene.cachedRuns.set(page, length);
    if (kind === PageKind.large || kind === PageKind.cached) {
      scene.large.extents++;
      scene.large.pages += length;
    }
  });
  for (const page of scene.freePages.keys()) {
    const next = pageAfter(page, pageMap.length(page));
    found.expect(!scene.freePages.has(next), '[PAGE-2]', () => `pages ${page} and ${next}: free, not merged`);
  }
}

/** How many of an extent's page records there are: those of unbacked pages may have no storage. */
function recordsOf(scene: CheckScene, page: PageIndex, kind: PageKind, length: number): number {
  return kind === PageKind.unbacked ? Math.min(length, scene.i32[Backing.mapped] - page) : length;
}

function checkInside(scene: CheckScene, page: PageIndex, kind: PageKind, length: number): void {
  const records = recordsOf(scene, page, kind, length);
  for (let i = 1; i < records; i++) {
    const inside = pageAfter(page, i);
    const isLast = i === length - 1;
    const tail =
      isLast && kind === PageKind.free
        ? PageKind.freeTail
        : isLast && kind === PageKind.unbacked && inside + 1 < scene.pageMap.pages
          ? PageKind.unbackedTail
          : PageKind.inside;
    scene.found.expect(
      scene.pageMap.kind(inside) === tail &&
        scene.pageMap.length(inside) === (tail === PageKind.inside ? 0 : length),
      '[PAGE-2]',
      () => `page ${inside}: tag of kind ${scene.pageMap.kind(inside)} inside the extent at page ${page}`,
    );
  }
}

function checkNoSlab(scene: CheckScene, page: PageIndex, length: number): void {
  for (let i = 0; i < length; i++) {
    const inside = pageAfter(page, i);
    scene.found.expect(
      scene.pageMap.isBare(inside),
      '[PAGE-3]',
      () => `page ${inside}: says what only pages of slabs and of states do`,
    );
  }
}

export function checkCounters(scene: CheckScene): void {
  const { i32 } = scene;
  const sum = (lengths: Iterable<number>): number => [...lengths].reduce((a, b) => a + b, 0);
  const expect = (name: string, word: number, actual: number): void => {
    scene.found.expect(
      i32[word] === actual,
      '[EXTENT-1]',
      () => `${name}: counts ${i32[word]}, there are ${actual}`,
    );
  };
  expect('free pages', Extents.freePages, sum(scene.freePages.values()));
  expect('unbacked pages', Extents.unbackedPages, sum(scene.unbacked.values()));
  expect('unbacked extents', Extents.unbackedExtents, scene.unbacked.size);
  expect('large extents', Extents.largeExtents, scene.large.extents);
  expect('large pages', Extents.largePages, scene.large.pages);
  expect('state pages', Extents.statePages, scene.statePages.size);
  expect('cache pages', Extents.cachePages, scene.cacheTotal);
}
