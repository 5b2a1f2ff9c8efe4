// The pages of a thread's cache: taken when it attaches, given back when it detaches or has died.
//
// The slot names the pages from before they are a cache until after they are free again, so that at every
// instant between somebody knows whose they are; a name that outlives its pages does no harm, for the pages
// would have to be a cache of the same slot again.

import { NULL_PAGE, PAGE_SIZE, pageToWord, type PageIndex } from '../base/units';
import { PageKind, tagOf } from '../layout/page-map';
import { Extents } from '../layout/region-layout';
import type { HeapParts } from './parts';

/** Caches hold positions as 32-bit word indexes, so they lie below 8 GiB. */
const WORD_INDEX_PAGES = 2 ** 31 / (PAGE_SIZE / 4);

/** First page of a new cache for this thread, all stacks empty; `NULL_PAGE` if memory is out. Extent lock held. */
export function takeCachePages({ region, extents, slots, slot, cacheLayout }: HeapParts): PageIndex {
  const page = extents.takeBelow(cacheLayout.pages, WORD_INDEX_PAGES);
  if (page === NULL_PAGE) return NULL_PAGE;
  const start = pageToWord(page);
  cacheLayout.format(region.i32, start);
  region.pageMap.setCacheSlot(page, slot);
  slots.setCachePage(slot, page);
  extents.commit(page, PageKind.cache);
  region.i32[Extents.cachePages] += cacheLayout.pages;
  return page;
}

/** Gives the cache's pages of `slot` back, if it has any. Extent lock held. */
export function returnCachePages(core: HeapParts, slot: number): void {
  const { region, extents, slots } = core;
  const page = cachePagesOf(core, slot);
  if (page !== NULL_PAGE) {
    region.i32[Extents.cachePages] -= region.pageMap.length(page);
    extents.release(page);
  }
  slots.setCachePage(slot, NULL_PAGE);
}

/** First page of the cache of `slot`, or `NULL_PAGE`: the slot's word is believed only if the page map agrees. */
export function cachePagesOf(
  { region, slots, cacheLayout }: Pick<HeapParts, 'region' | 'slots' | 'cacheLayout'>,
  slot: number,
): PageIndex {
  const page = slots.cachePage(slot);
  const { pageMap } = region;
  if (page <= 0 || page >= pageMap.pages) return NULL_PAGE;
  const isCache = pageMap.tag(page) === tagOf(PageKind.cache, cacheLayout.pages);
  return isCache && pageMap.cacheSlot(page) === slot ? page : NULL_PAGE;
}
