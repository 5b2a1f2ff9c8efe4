// The live blocks of a heap by what its page map and block states say at an instant, also in the middle of something.

import { PageKind } from '#src/layout/page-map';
import { isLive } from '#src/layout/block-state';
import { SLAB_SHAPES } from '#src/slab/size-classes';
import type { InnerHeap } from '../support/inner-heap';

/** Usable bytes by pointer, in the order of addresses. */
export function liveBlocks(inner: InnerHeap): Map<number, number> {
  const live = new Map<number, number>();
  for (const { page, kind, length } of inner.extents()) {
    if (kind === PageKind.large || kind === PageKind.resizing) live.set(page * 4096, length * 4096);
    if (kind !== PageKind.slab) continue;
    const sizeClass = inner.pageMap.sizeClass(page);
    if (sizeClass < 0) continue; // on its way out: nothing lives there
    const { size, blocks } = SLAB_SHAPES[sizeClass];
    const states = inner.stateByte(page);
    for (let i = 0; i < blocks; i++) if (isLive(inner.u8[states + i])) live.set(page * 4096 + i * size, size);
  }
  return live;
}
