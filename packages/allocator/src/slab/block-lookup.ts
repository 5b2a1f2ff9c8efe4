// From a pointer to the slab block that begins there: its state, its class.

import { LINE_SIZE, PAGE_SHIFT, PAGE_SIZE, offsetToPage } from '../base/units';
import { isLive } from '../layout/block-state';
import type { Region } from '../layout/region';
import { CLASS_COUNT, CLASS_RECIPROCAL, CLASS_SIZE } from './size-classes';

/** Index of the state byte of the slab block that begins at `ptr`; -1 if none can begin there. */
export function stateIndexOf(region: Region, ptr: number): number {
  if (!Number.isSafeInteger(ptr) || ptr <= 0 || ptr >= region.size) return -1;
  const { pageMap } = region;
  const page = offsetToPage(ptr);
  const sizeClass = pageMap.sizeClass(page);
  if (sizeClass < 0 || sizeClass >= CLASS_COUNT) return -1;
  const offset = pageMap.pageOffset(page) + (ptr % PAGE_SIZE);
  const index = Math.imul(offset, CLASS_RECIPROCAL[sizeClass]) >>> 16;
  const state = pageMap.stateLine(page) * LINE_SIZE + index;
  return index * CLASS_SIZE[sizeClass] === offset && state > 0 && state < region.size ? state : -1;
}

/**
 * Class of the live slab block that begins at `ptr`; -1 if none does, and where another thread takes the slab away between
 * the two looks at the page map: the block was freed then, and the state that was looked at may be another one's.
 */
export function liveClassOf(region: Region, ptr: number): number {
  const state = stateIndexOf(region, ptr);
  return state >= 0 && isLive(region.u8[state]) ? region.pageMap.sizeClass(offsetToPage(ptr)) : -1;
}

/**
 * Page of a number that a caller calls a pointer into a region of `size` bytes. Of a number that is none: negative, or any
 * page, also behind the last; so the caller of this looks at that and at where blocks begin.
 */
export function pageOfPointer(ptr: number, size: number): number {
  if ((ptr | 0) === ptr) return ptr >> PAGE_SHIFT;
  return ptr > 0 && ptr < size && Math.floor(ptr) === ptr ? Math.floor(ptr / PAGE_SIZE) : -1;
}
