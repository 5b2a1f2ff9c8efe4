// Checks the slabs of a class, the states of their blocks, and the thread caches that blocks lie in.

import {
  LINE_SIZE,
  PAGE_SIZE,
  lineToPage,
  pageAfter,
  pageToOffset,
  pageToWord,
  type PageIndex,
} from '../../base/units';
import { FREE, LIVE, cachingSlot } from '../../layout/block-state';
import { Bin, binAt } from '../../layout/region-layout';
import { SLAB_SHAPES } from '../../slab/size-classes';
import { walkList, type CheckScene } from './scene';

export function checkClass(scene: CheckScene, index: number): void {
  const { found, i32, pageMap } = scene;
  const bin = binAt(index);
  const slabs = scene.slabs.filter((slab) => pageMap.sizeClass(slab) === index);
  const partial = new Set<PageIndex>();
  let freeBlocks = 0;
  scene.entries.clear();
  for (const slab of slabs) {
    const free = checkSlab(scene, slab, index);
    freeBlocks += free;
    if (free > 0) partial.add(slab);
  }
  walkList(scene, '[SLAB-2]', `slabs of class ${index}`, i32[bin + Bin.slabs] as PageIndex, (page) =>
    partial.delete(page),
  );
  for (const page of partial) {
    found.expect(false, '[SLAB-2]', () => `slab at page ${page}: has FREE blocks but is in no list`);
  }
  found.expect(
    i32[bin + Bin.slabCount] === slabs.length && i32[bin + Bin.freeBlocks] === freeBlocks,
    '[SLAB-3]',
    () =>
      `class ${index}: counts ${i32[bin + Bin.slabCount]} slabs, ${i32[bin + Bin.freeBlocks]} FREE blocks; ` +
      `there are ${slabs.length} and ${freeBlocks}`,
  );
}

/** Returns the number of FREE blocks. */
function checkSlab(scene: CheckScene, slab: PageIndex, index: number): number {
  const { found, pageMap, u8 } = scene;
  const { size, blocks, lines, pages } = SLAB_SHAPES[index];
  const line = pageMap.stateLine(slab);
  found.slabs++;
  found.expect(
    pageMap.length(slab) === pages,
    '[PAGE-3]',
    () => `slab at page ${slab}: not ${pages} pages long`,
  );
  for (let i = 0; i < pages && slab + i < pageMap.pages; i++) {
    const page = pageAfter(slab, i);
    found.expect(
      pageMap.sizeClass(page) === index &&
        pageMap.pageOffset(page) === i * PAGE_SIZE &&
        pageMap.stateLine(page) === line,
      '[PAGE-3]',
      () => `page ${page}: differs from its slab at page ${slab}`,
    );
  }
  const statePage = lineToPage(line);
  if (
    !found.expect(
      scene.statePages.has(statePage),
      '[STORE-2]',
      () => `slab at page ${slab}: no states at line ${line}`,
    )
  ) {
    return 0;
  }
  scene.runs.set(statePage, [...(scene.runs.get(statePage) ?? []), line]);
  found.expect(
    pageMap.pageOffset(statePage) === lines,
    '[STORE-2]',
    () => `slab at page ${slab}: runs of another length`,
  );
  const states = line * LINE_SIZE;
  let free = 0;
  let lowest = blocks;
  for (let i = 0; i < blocks; i++) {
    const state = u8[states + i];
    found.blocks++;
    if (state === FREE) {
      free++;
      lowest = Math.min(lowest, i);
    } else if (state !== LIVE) {
      checkCached(scene, cachingSlot(state), index, slab, pageToOffset(slab) + i * size, states + i);
    }
  }
  for (let i = blocks; i < lines * LINE_SIZE; i++) {
    found.expect(
      u8[states + i] === FREE,
      '[STATE-1]',
      () => `slab at page ${slab}: state behind its last block`,
    );
  }
  found.expect(
    pageMap.a(slab) === free && (free === 0 || pageMap.b(slab) <= lowest) && pageMap.b(slab) >= 0,
    '[SLAB-1]',
    () =>
      `slab at page ${slab}: counts ${pageMap.a(slab)} FREE from ${pageMap.b(slab)}; ${free} are, from ${lowest}`,
  );
  return free;
}

function checkCached(
  scene: CheckScene,
  slot: number,
  index: number,
  slab: PageIndex,
  offset: number,
  state: number,
): void {
  const { found, core } = scene;
  const inUse = slot < core.slots.count && core.slots.inUse(slot);
  if (
    !found.expect(
      inUse,
      '[STATE-1]',
      () => `slab at page ${slab}: block cached by slot ${slot}, which is free`,
    )
  )
    return;
  const granule = offset / 2 ** core.region.granuleShift;
  let entries = scene.entries.get(slot);
  if (entries === undefined) scene.entries.set(slot, (entries = new Set(stackOf(scene, slot, index))));
  if (entries.has(granule)) return;
  // the thread may have pushed the block after its stack was read, or popped it by now
  const holds = new Set(stackOf(scene, slot, index)).has(granule) || cachingSlot(scene.u8[state]) !== slot;
  found.expect(
    holds,
    '[CACHE-1]',
    () => `slab at page ${slab}: block cached by slot ${slot}, not in its stack`,
  );
}

function stackOf(scene: CheckScene, slot: number, index: number): Int32Array {
  const page = scene.core.slots.cachePage(slot);
  if (page <= 0 || page >= scene.pageMap.pages) return new Int32Array(0);
  const start = pageToWord(page) + scene.core.cacheLayout.stack[index];
  return scene.i32.subarray(start, start + scene.core.cacheLayout.capacity[index]);
}
