// realloc of a block of whole pages, in its place.

import { PAGE_SIZE, offsetToPage, pagesFor } from '../base/units';
import { cachedRunTag } from '../layout/page-map';
import { LONGEST_RUN } from '../layout/thread-cache-layout';
import type { HeapCore } from './core';
import { withOwnCache } from './own-cache';
import { reclaim } from './reclaim';

/** Changes the length of the block at `ptr`, which has `old` bytes, to `size` bytes; false if that can't be. */
export function resizePages(core: HeapCore, ptr: number, old: number, size: number): boolean {
  if (size <= old && old - size < PAGE_SIZE) return true;
  const { large } = core;
  const isDone =
    large.resize(ptr, size) ||
    (vacate(core, ptr + old) && large.resize(ptr, size)) ||
    growBehind(core, ptr, old, size);
  if (isDone) core.backing.settle();
  return isDone;
}

/** Gives the runs of pages in this thread's cache back, if the one at `ptr` is among them. */
function vacate(core: HeapCore, ptr: number): boolean {
  const { pages, pageMap } = core.region;
  const page = offsetToPage(ptr);
  if (page >= pages || pageMap.tag(page) !== cachedRunTag(core.slot, 0) + pageMap.length(page)) return false;
  return withOwnCache(core, (cache) => cache.flushRuns());
}

/**
 * Where the heap would have to grow for a block of `size` bytes anyway, also with all caches empty, it does so behind the
 * block at `ptr`, and the block gets that. False if it does not.
 */
function growBehind(core: HeapCore, ptr: number, old: number, size: number): boolean {
  if (size <= Math.max(old, LONGEST_RUN * PAGE_SIZE)) return false; // there are caches for these
  const { backing, large } = core;
  const pages = pagesFor(size);
  if (!backing.isNeededFor(pages)) return false;
  if (reclaim(core)) {
    if (large.resize(ptr, size)) return true;
    if (!backing.isNeededFor(pages)) return false;
  }
  return backing.extend(offsetToPage(ptr + old), pages - pagesFor(old)) && large.resize(ptr, size);
}
