// Checks the table of threads, their caches' heights and the locks.

import { NULL_PAGE, pageToWord, type PageIndex } from '../../base/units';
import {
  Backing,
  Bin,
  Calls,
  Extents,
  Slot,
  SlotOwner,
  binAt,
  isToken,
  slotAt,
} from '../../layout/region-layout';
import { ENTRY } from '../../layout/thread-cache-layout';
import { CLASS_COUNT } from '../../slab/size-classes';
import type { CheckScene } from './scene';

export function checkSlots(scene: CheckScene): void {
  const { found, i32, core } = scene;
  found.expect(
    core.slots.isOwn(core.slot, core.token),
    '[SLOT-2]',
    () => `slot ${core.slot}: owner word ${i32[slotAt(core.slot) + Slot.owner]}, it is the calling thread's`,
  );
  for (let slot = 0; slot < core.slots.count; slot++) {
    const owner = i32[slotAt(slot) + Slot.owner];
    const page = i32[slotAt(slot) + Slot.cachePage] as PageIndex;
    const known = owner >= SlotOwner.dead || isToken(-owner, core.slots.count);
    found.expect(known, '[SLOT-1]', () => `slot ${slot}: owner word ${owner}`);
    if (page === NULL_PAGE) continue;
    const isItsCache = scene.cachePages.has(page) && scene.pageMap.cacheSlot(page) === slot;
    // who died while the pages became a cache, or free again, leaves their name behind: see `cache-pages`
    if (!isItsCache && owner !== SlotOwner.nobody && core.slots.isTorn(slot)) continue;
    found.expect(
      owner !== SlotOwner.nobody && isItsCache,
      '[SLOT-1]',
      () => `slot ${slot} (owner ${owner}): cache page ${page} is not its cache`,
    );
    scene.cachePages.delete(page);
    checkTops(scene, slot, page);
  }
  for (const page of scene.cachePages.keys()) {
    found.expect(false, '[SLOT-1]', () => `cache at page ${page} belongs to no slot`);
  }
  checkLock(scene, 'extents', Extents.lock);
  checkLock(scene, 'standstill', Calls.standstill);
  checkLock(scene, 'backing', Backing.lock);
  for (let slot = 0; slot < core.slots.count; slot++)
    checkLock(scene, `slot ${slot}`, slotAt(slot) + Slot.gate);
  for (let i = 0; i < CLASS_COUNT; i++) checkLock(scene, `class ${i}`, binAt(i) + Bin.lock);
}

function checkLock(scene: CheckScene, name: string, at: number): void {
  scene.found.expect(
    scene.core.locks.holds(at),
    '[LOCK-1]',
    () => `lock of ${name}: owner word ${scene.i32[at]}`,
  );
}

function checkTops(scene: CheckScene, slot: number, page: PageIndex): void {
  const { i32 } = scene;
  const { tops, capacity, stack, pages, noStack, firstRun } = scene.core.cacheLayout;
  if (page <= 0 || page + pages > scene.pageMap.pages) return;
  const start = pageToWord(page);
  scene.found.expect(
    i32.subarray(start, start + tops).every((word) => word === 0),
    '[CACHE-3]',
    () => `slot ${slot}: the redzone of its cache was written over`,
  );
  scene.found.expect(
    i32[start + noStack - 1] === 0 && i32[start + noStack - 2] === 0,
    '[CACHE-2]',
    () => `slot ${slot}: the sentinel of classes without a stack was written over`,
  );
  for (let i = 0; i < capacity.length; i++) {
    const top = i32[start + tops + 2 * i];
    const bottom = start + stack[i];
    const hasNone = top === start + noStack && i32[start + tops + 2 * i + 1] === top;
    if (i < firstRun && hasNone) continue;
    const end = bottom + ENTRY * capacity[i];
    scene.found.expect(
      top >= bottom && top <= end && (top - bottom) % ENTRY === 0 && i32[start + tops + 2 * i + 1] === end,
      '[CACHE-2]',
      () =>
        `slot ${slot}, class ${i}: top ${top}, end ${i32[start + tops + 2 * i + 1]}; ${bottom} to ${end} are its own`,
    );
    scene.found.expect(
      i32[bottom - 1] === 0 && i32[bottom - 2] === 0,
      '[CACHE-2]',
      () => `slot ${slot}, stack ${i}: the sentinel below the stack was written over`,
    );
  }
}
