// All live blocks of a heap at one moment. Taken at a standstill, so that no block is missing, reported twice or half
// freed; gone through afterwards, when threads are at work again and nothing is locked. What is kept of the heap is small:
// a byte for each place in a slab, and three words for each slab and each large block.

import { PlainBytes, PlainWords } from '../base/built-in';
import { LINE_SIZE, PAGE_SIZE, type PageIndex } from '../base/units';
import { walkExtents } from '../extent/extent-walk';
import { isLive } from '../layout/block-state';
import { PageKind } from '../layout/page-map';
import { SLAB_SHAPES, type SlabShape } from '../slab/size-classes';
import type { LiveBlock } from './blocks';
import type { HeapParts } from './parts';
import { atStandstill } from './standstill';

/** Words of an extent: its first page; its class, or minus its length if it is a large block; where its states begin. */
const EXTENT = 3;

export interface BlockSnapshot {
  readonly extents: Int32Array;
  readonly states: Uint8Array;
}

/** Stops every thread for a few milliseconds where the heap has millions of blocks. The caller holds no lock. */
export function takeSnapshot(core: HeapParts): BlockSnapshot {
  // large blocks come and go under the extent lock, too
  return atStandstill(core, () => core.extents.locked(() => copyBlocks(core)));
}

function copyBlocks({ region }: HeapParts): BlockSnapshot {
  const { u8, pageMap } = region;
  let count = 0;
  let places = 0;
  walkExtents(pageMap, (page, kind) => {
    const shape = shapeOf(page, kind);
    if (shape !== undefined) places += shape.blocks;
    if (shape !== undefined || kind === PageKind.large) count++;
  });
  const extents = new PlainWords(EXTENT * count);
  const states = new PlainBytes(places);
  let extent = 0;
  let place = 0;
  walkExtents(pageMap, (page, kind, length) => {
    const shape = shapeOf(page, kind);
    if (shape === undefined && kind !== PageKind.large) return;
    extents[extent] = page;
    extents[extent + 1] = shape === undefined ? -length : pageMap.sizeClass(page);
    extents[extent + 2] = place;
    extent += EXTENT;
    if (shape === undefined) return;
    const from = pageMap.stateLine(page) * LINE_SIZE;
    for (let i = 0; i < shape.blocks; i++) states[place + i] = u8[from + i];
    place += shape.blocks;
  });
  return { extents, states };

  /** Undefined for what is no slab, or one whose making or end was cut short. */
  function shapeOf(page: PageIndex, kind: PageKind): SlabShape | undefined {
    return kind === PageKind.slab ? SLAB_SHAPES[pageMap.sizeClass(page)] : undefined;
  }
}

/** The blocks of a snapshot, by address. */
export function* blocksOf({ extents, states }: BlockSnapshot): Generator<LiveBlock, undefined, undefined> {
  for (let extent = 0; extent < extents.length; extent += EXTENT) {
    const start = extents[extent] * PAGE_SIZE;
    const sizeClass = extents[extent + 1];
    if (sizeClass < 0) {
      yield { ptr: start, size: -sizeClass * PAGE_SIZE };
      continue;
    }
    const { size, blocks } = SLAB_SHAPES[sizeClass];
    const first = extents[extent + 2];
    for (let i = 0; i < blocks; i++) if (isLive(states[first + i])) yield { ptr: start + i * size, size };
  }
}
