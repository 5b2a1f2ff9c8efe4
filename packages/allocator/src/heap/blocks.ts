// Which block lies where: questions about one address, answered from the page map and the states alone, without a lock.
// What another thread changes at that moment is seen as it was before or after.

import { NULL_PAGE, PAGE_SIZE, offsetToPage, pageBefore, type PageIndex } from '../base/units';
import { PageKind } from '../layout/page-map';
import type { Region } from '../layout/region';
import { liveClassOf } from '../slab/block-lookup';
import { CLASS_SIZE } from '../slab/size-classes';

/** A block in a caller's hands. */
export interface LiveBlock {
  readonly ptr: number;
  /** Usable bytes. */
  readonly size: number;
}

const isLarge = (kind: PageKind): boolean => kind === PageKind.large || kind === PageKind.resizing;

/** True if a live block begins at `ptr`. */
export function isBlock(region: Region, ptr: unknown): boolean {
  if (typeof ptr !== 'number' || !Number.isSafeInteger(ptr) || ptr <= 0 || ptr >= region.size) return false;
  if (liveClassOf(region, ptr) >= 0) return true;
  return ptr % PAGE_SIZE === 0 && isLarge(region.pageMap.kind(offsetToPage(ptr)));
}

/** The live block that the byte at `ptr` belongs to. For a large block this takes as long as it has pages before `ptr`. */
export function blockAt(region: Region, ptr: unknown): LiveBlock | undefined {
  if (typeof ptr !== 'number' || !Number.isSafeInteger(ptr) || ptr <= 0 || ptr >= region.size)
    return undefined;
  const { pageMap } = region;
  const page = offsetToPage(ptr);
  const size = CLASS_SIZE[pageMap.sizeClass(page)];
  if (size === undefined) return largeBlockAt(region, page);
  const start = ptr - ((pageMap.pageOffset(page) + (ptr % PAGE_SIZE)) % size);
  return isBlock(region, start) ? { ptr: start, size } : undefined;
}

function largeBlockAt({ pageMap }: Region, page: PageIndex): LiveBlock | undefined {
  let first = page;
  while (first > NULL_PAGE && pageMap.kind(first) === PageKind.inside) first = pageBefore(first, 1);
  const kind = pageMap.kind(first);
  const length = pageMap.length(first);
  if (!isLarge(kind) || first + length <= page) return undefined;
  return { ptr: first * PAGE_SIZE, size: length * PAGE_SIZE };
}
