// Why a pointer is refused: the slow half of free, realloc and usableSize.

import { VmemError, describe } from '../base/errors';
import { LINE_SIZE, NULL_PAGE, PAGE_SIZE, offsetToPage, pageBefore, type PageIndex } from '../base/units';
import { isLive } from '../layout/block-state';
import { PageKind } from '../layout/page-map';
import type { Region } from '../layout/region';
import { CLASS_RECIPROCAL, CLASS_SIZE } from '../slab/size-classes';
import { isSameMemory } from './pointer-arrays';

/** Word for a pointer in messages. */
const hex = (ptr: number): string => `0x${ptr.toString(16)}`;

/** The extent that a page belongs to: its first page. */
function extentOf(region: Region, page: PageIndex): PageIndex {
  const { pageMap } = region;
  while (page > NULL_PAGE) {
    const kind = pageMap.kind(page);
    const isInside = kind === PageKind.inside || kind === PageKind.freeTail || kind === PageKind.unbackedTail;
    if (!isInside) break;
    page = pageBefore(page, 1);
  }
  return page;
}

/**
 * The pointer of a view that lies in this heap's memory, here or in another thread.
 * @throws VmemError EBADPTR
 */
export function pointerOfView(region: Region, view: ArrayBufferView): number {
  if (!ArrayBuffer.isView(view))
    throw refusal(region, view) ?? new VmemError('EBADPTR', 'neither a pointer nor a view');
  if (view.buffer !== region.buffer && !isSameMemory(view.buffer, region))
    throw new VmemError('EBADPTR', 'the view is not one on this heap');
  const ptr = view.byteOffset - region.byteOffset;
  if (ptr <= 0) throw new VmemError('EBADPTR', 'the view does not begin at a block of this heap');
  return ptr;
}

/** The error that says what `ptr` is, unless it is a live block of this region. */
export function refusal(region: Region, ptr: unknown): VmemError | undefined {
  if (typeof ptr !== 'number' || !Number.isSafeInteger(ptr) || ptr < 0) {
    return new VmemError('EBADPTR', `expected a pointer, a whole number >= 0, got ${describe(ptr)}`);
  }
  if (ptr >= region.size) {
    return new VmemError(
      'EBADPTR',
      `pointer ${hex(ptr)} lies outside of the heap's ${hex(region.size)} bytes`,
    );
  }
  const { pageMap } = region;
  const page = offsetToPage(ptr);
  const first = extentOf(region, page);
  const sizeClass = pageMap.sizeClass(page);
  // a slab without a class is one that another thread is just giving back
  const isLeaving = pageMap.kind(first) === PageKind.slab && sizeClass < 0;
  switch (isLeaving ? PageKind.pending : pageMap.kind(first)) {
    case PageKind.slab: {
      const size = CLASS_SIZE[sizeClass];
      if (size === undefined)
        return new VmemError(
          'ECORRUPT',
          `[PAGE-3] page ${page}: a slab of class ${sizeClass}, which there is not`,
        );
      const offset = pageMap.pageOffset(page) + (ptr % PAGE_SIZE);
      const index = Math.imul(offset, CLASS_RECIPROCAL[sizeClass]) >>> 16;
      if (index * size !== offset) {
        return new VmemError(
          'EBADPTR',
          `pointer ${hex(ptr)} points inside a place for blocks of ${size} bytes, not at its start`,
        );
      }
      const state = region.u8[pageMap.stateLine(page) * LINE_SIZE + index];
      if (isLive(state)) return undefined;
      return new VmemError('EDOUBLEFREE', `pointer ${hex(ptr)}: the block there was freed already`);
    }
    case PageKind.large:
    case PageKind.resizing:
      if (ptr === first * PAGE_SIZE) return undefined;
      return new VmemError(
        'EBADPTR',
        `pointer ${hex(ptr)} points inside the block at ${hex(first * PAGE_SIZE)}, not at its start`,
      );
    case PageKind.cached:
    case PageKind.free:
    case PageKind.unbacked:
    case PageKind.pending:
      return ptr % PAGE_SIZE === 0
        ? new VmemError(
            'EDOUBLEFREE',
            `pointer ${hex(ptr)}: no block is there: it was freed, or there never was one`,
          )
        : new VmemError('EBADPTR', `pointer ${hex(ptr)}: no block begins there`);
    default:
      return new VmemError('EBADPTR', `pointer ${hex(ptr)} points into the heap's own data`);
  }
}
