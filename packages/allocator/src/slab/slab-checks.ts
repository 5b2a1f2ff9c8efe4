// What a slab's records must say to be believed: they are in memory that any thread can write to.

import {
  NULL_PAGE,
  PAGE_SHIFT,
  asPage,
  lineToPage,
  pageBefore,
  type PageIndex,
  type SizeClass,
} from '../base/units';
import { VmemError } from '../base/errors';
import { PageKind, tagOf, type PageMap } from '../layout/page-map';
import { SLAB_SHAPES } from './size-classes';
import { NO_RUN, firstStatePage, runBeginningAt } from './state-extent';

/**
 * The slab of the class that `page` belongs to.
 * @throws VmemError ECORRUPT if it belongs to none
 */
export function slabOf(pageMap: PageMap, page: number, sizeClass: SizeClass): PageIndex {
  if (page >= pageMap.pages || pageMap.sizeClass(asPage(page)) !== sizeClass) {
    throw new VmemError(
      'ECORRUPT',
      `[CACHE-1] page ${page}: a cache has blocks there, no slab of class ${sizeClass}`,
    );
  }
  const slab = pageBefore(asPage(page), pageMap.pageOffset(asPage(page)) >>> PAGE_SHIFT);
  requireSlab(pageMap, slab, sizeClass);
  return slab;
}

/** Refuses what is no slab of the class: a link, an offset or a class is wrong. */
function requireSlab(pageMap: PageMap, slab: PageIndex, sizeClass: SizeClass): void {
  const { pages, lines } = SLAB_SHAPES[sizeClass];
  const isSlab =
    slab > 0 &&
    pageMap.tag(slab) === tagOf(PageKind.slab, pages) &&
    pageMap.sizeClass(slab) === sizeClass &&
    pageMap.pageOffset(slab) === 0;
  if (!isSlab) throw new VmemError('ECORRUPT', `[PAGE-3] page ${slab}: no slab of class ${sizeClass}`);
  const line = pageMap.stateLine(slab);
  const states = firstStatePage(pageMap, lineToPage(line));
  if (states === NULL_PAGE || runBeginningAt(line, states, lines) === NO_RUN) {
    throw new VmemError('ECORRUPT', `[STORE-2] slab at page ${slab}: no states at line ${line}`);
  }
}

/**
 * Refuses a member of a list that can't be in it: a slab of the class with `least` FREE blocks or more.
 * @throws VmemError ECORRUPT
 */
export function requireListed(pageMap: PageMap, slab: PageIndex, sizeClass: SizeClass, least: number): void {
  const { blocks } = SLAB_SHAPES[sizeClass];
  requireSlab(pageMap, slab, sizeClass);
  const free = pageMap.freeBlocks(slab);
  const from = pageMap.searchStart(slab);
  if (free < least || free > blocks || from > blocks)
    throw new VmemError('ECORRUPT', `[SLAB-1] slab at page ${slab}: counts ${free} FREE blocks from ${from}`);
}

/** What to throw where a slab has fewer FREE blocks than it counts. */
export function miscounted(slab: PageIndex, free: number): VmemError {
  return new VmemError('ECORRUPT', `[SLAB-1] slab at page ${slab}: ${free} FREE blocks counted, less found`);
}
