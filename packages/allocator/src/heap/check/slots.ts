// Checks the table of threads, their caches' heights and the locks.

import { NULL_PAGE, pageToWord, type PageIndex } from '../../base/units';
import { Bin, Extents, Slot, SlotOwner, binAt, slotAt, slotOfToken } from '../../layout/region-layout';
import { CLASS_COUNT } from '../../slab/size-classes';
import type { CheckScene } from './scene';

export function checkSlots(scene: CheckScene): void {
  const { found, i32, core } = scene;
  for (let slot = 0; slot < core.slots.count; slot++) {
    const owner = i32[slotAt(slot) + Slot.owner];
    const page = i32[slotAt(slot) + Slot.cachePage] as PageIndex;
    const known = owner >= SlotOwner.dead || isReaper(scene, owner);
    found.expect(known, '[SLOT-1]', () => `slot ${slot}: owner word ${owner}`);
    if (page === NULL_PAGE) continue;
    found.expect(
      owner !== SlotOwner.nobody && scene.cachePages.has(page) && scene.pageMap.a(page) === slot,
      '[SLOT-1]',
      () => `slot ${slot} (owner ${owner}): cache page ${page} is not its cache`,
    );
    scene.cachePages.delete(page);
    checkHeights(scene, slot, page);
  }
  for (const page of scene.cachePages.keys()) {
    found.expect(false, '[SLOT-1]', () => `cache at page ${page} belongs to no slot`);
  }
  checkLock(scene, 'extents', Extents.lock);
  for (let i = 0; i < CLASS_COUNT; i++) checkLock(scene, `class ${i}`, binAt(i) + Bin.lock);
}

function isReaper(scene: CheckScene, owner: number): boolean {
  const slot = slotOfToken(-owner);
  return slot >= 0 && slot < scene.core.slots.count && -owner > 0xff;
}

function checkLock(scene: CheckScene, name: string, at: number): void {
  scene.found.expect(
    scene.core.locks.holds(at),
    '[LOCK-1]',
    () => `lock of ${name}: owner word ${scene.i32[at]}`,
  );
}

function checkHeights(scene: CheckScene, slot: number, page: PageIndex): void {
  if (page <= 0 || page >= scene.pageMap.pages) return;
  const { heights, capacity } = scene.core.cacheLayout;
  for (let i = 0; i < CLASS_COUNT; i++) {
    const height = scene.i32[pageToWord(page) + heights + i];
    scene.found.expect(
      height >= 0 && height <= capacity[i],
      '[CACHE-2]',
      () => `slot ${slot}, class ${i}: height ${height} of ${capacity[i]}`,
    );
  }
}
