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
import { FREE, cachingSlot, isLive, slotOfState } from '../../layout/block-state';
import { Sharing } from '../../layout/page-map';
import { Bin, binAt } from '../../layout/region-layout';
import { ENTRY } from '../../layout/thread-cache-layout';
import { stateIndexOf } from '../../slab/block-lookup';
import { SLAB_SHAPES } from '../../slab/size-classes';
import { walkList, type CheckScene } from './scene';

export function checkClass(scene: CheckScene, index: number): void {
  const { found, i32, pageMap } = scene;
  const bin = binAt(index);
  const slabs = scene.slabs.filter((slab) => pageMap.sizeClass(slab) === index);
  const partial = new Set<PageIndex>();
  const empty = new Set<PageIndex>();
  let freeBlocks = 0;
  const stacks = stacksOf(scene, index);
  for (const slab of slabs) {
    const free = checkSlab(scene, slab, index, stacks);
    freeBlocks += free;
    if (free === SLAB_SHAPES[index].blocks) empty.add(slab);
    else if (free > 0) partial.add(slab);
  }
  for (const [slot, stack] of stacks) {
    found.expect(
      stack.below.size === 0,
      '[CACHE-1]',
      () => `slot ${slot}, class ${index}: ${stack.below.size} entries whose blocks are not in this cache`,
    );
  }
  found.expect(
    i32[bin + Bin.slabCount] === slabs.length &&
      i32[bin + Bin.emptyCount] === empty.size &&
      i32[bin + Bin.freeBlocks] === freeBlocks,
    '[SLAB-3]',
    () =>
      `class ${index}: counts ${i32[bin + Bin.slabCount]} slabs, ${i32[bin + Bin.emptyCount]} empty, ` +
      `${i32[bin + Bin.freeBlocks]} FREE blocks; there are ${slabs.length}, ${empty.size} and ${freeBlocks}`,
  );
  checkSlabList(scene, `slabs of class ${index}`, i32[bin + Bin.slabs] as PageIndex, partial);
  checkSlabList(scene, `empty slabs of class ${index}`, i32[bin + Bin.emptySlabs] as PageIndex, empty);
}

/** The list holds exactly `members`. */
function checkSlabList(scene: CheckScene, name: string, head: PageIndex, members: Set<PageIndex>): void {
  walkList(scene, '[SLAB-2]', name, head, (page) => members.delete(page));
  for (const page of members) {
    scene.found.expect(false, '[SLAB-2]', () => `slab at page ${page}: is not among the ${name}`);
  }
}

/** Returns the number of FREE blocks. */
function checkSlab(scene: CheckScene, slab: PageIndex, index: number, stacks: Stacks): number {
  const { found, pageMap, u8 } = scene;
  const { size, blocks, lines, pages } = SLAB_SHAPES[index];
  const line = pageMap.stateLine(slab);
  const sharing = pageMap.sharing(slab);
  found.slabs++;
  found.expect(
    sharing !== Sharing.onTheWay,
    '[PAGE-3]',
    () => `slab at page ${slab}: on the way to be shared, with the lock free`,
  );
  found.expect(
    pageMap.length(slab) === pages,
    '[PAGE-3]',
    () => `slab at page ${slab}: not ${pages} pages long`,
  );
  for (let i = 0; i < pages && slab + i < pageMap.pages; i++) {
    const page = pageAfter(slab, i);
    found.expect(
      pageMap.isOfSlab(page, index, i * PAGE_SIZE, sharing) && pageMap.stateLine(page) === line,
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
    pageMap.runLength(statePage) === lines,
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
    } else if (isLive(state)) {
      found.expect(
        slotOfState(state) < scene.core.slots.count,
        '[STATE-1]',
        () =>
          `slab at page ${slab}: block ${i} was taken in slot ${slotOfState(state)}, which the heap lacks`,
      );
    } else {
      checkCached(scene, cachingSlot(state), slab, pageToOffset(slab) + i * size, states + i, stacks);
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
    pageMap.freeBlocks(slab) === free && pageMap.searchStart(slab) <= lowest,
    '[SLAB-1]',
    () =>
      `slab at page ${slab}: counts ${pageMap.freeBlocks(slab)} FREE from ${pageMap.searchStart(slab)}; ${free} are, from ${lowest}`,
  );
  return free;
}

function checkCached(
  scene: CheckScene,
  slot: number,
  slab: PageIndex,
  offset: number,
  state: number,
  stacks: Stacks,
): void {
  const { found, core } = scene;
  const inUse = slot < core.slots.count && core.slots.inUse(slot);
  if (
    !found.expect(
      inUse,
      '[STATE-1]',
      () => `slab at page ${slab}: block cached by slot ${slot}, which is free`,
    )
  ) {
    return;
  }
  const stack = stacks.get(slot);
  const granule = offset / 2 ** core.region.granuleShift;
  const isBelow = stack?.below.get(granule) === state;
  if (isBelow) stack.below.delete(granule);
  found.expect(
    isBelow || stack?.above.get(granule) === state,
    '[CACHE-1]',
    () => `slab at page ${slab}: block cached by slot ${slot}, not in its stack`,
  );
}

/** Entries of one slot's stack of a class: state index by granule. */
interface Stack {
  readonly below: Map<number, number>;
  /** Where the slot's thread has died: it may have stopped between two stores, and its whole stack counts. */
  readonly above: Map<number, number>;
}
type Stacks = Map<number, Stack>;

function stacksOf(scene: CheckScene, index: number): Stacks {
  const { core, found, i32 } = scene;
  const stacks: Stacks = new Map();
  for (let slot = 0; slot < core.slots.count; slot++) {
    const page = core.slots.cachePage(slot);
    if (page <= 0 || page + core.cacheLayout.pages > scene.pageMap.pages || !core.slots.inUse(slot)) continue;
    const bottom = pageToWord(page) + core.cacheLayout.stack[index];
    const end = bottom + ENTRY * core.cacheLayout.capacity[index];
    const top = Math.min(i32[pageToWord(page) + core.cacheLayout.tops + 2 * index], end); // below it without a stack
    const stack = { below: new Map<number, number>(), above: new Map<number, number>() };
    const isTorn = core.slots.isTorn(slot);
    for (let entry = bottom; entry < (isTorn ? end : top); entry += ENTRY) {
      const granule = i32[entry];
      const state = i32[entry + 1] >>> 0;
      // of a dead thread's whole stack only what names a block counts: the pages were not empty when it began
      if (isTorn && stateIndexOf(core.region, granule * 2 ** core.region.granuleShift) !== state) continue;
      found.expect(
        isTorn || !stack.below.has(granule),
        '[CACHE-1]',
        () => `slot ${slot}, class ${index}: two entries for granule ${granule}`,
      );
      (isTorn ? stack.above : stack.below).set(granule, state);
    }
    stacks.set(slot, stack);
  }
  return stacks;
}
