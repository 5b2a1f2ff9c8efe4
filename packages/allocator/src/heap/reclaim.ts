// What a heap can spare before a caller hears that memory is out: caches of the dead and of the living, and empty
// slabs.

import type { HeapCore } from './core';
import { withOwnCache } from './own-cache';
import { atStandstill } from './standstill';
import { ThreadCache } from './thread-cache';

/** Gives the cached blocks of all threads back. True if there were any. */
function emptyCaches(core: HeapCore): boolean {
  core.recovery.reapDead();
  // a look without stopping anybody: a block that goes into another cache meanwhile was live when we were called
  return othersHaveBlocks(core) ? emptyAll(core) : withOwnCache(core, (cache) => cache.flushAll());
}

/** The same, and the pages of all empty slabs. */
export function reclaim(core: HeapCore): boolean {
  const flushed = emptyCaches(core);
  return core.bins.releaseEmptySlabs() || flushed;
}

function othersHaveBlocks(core: HeapCore): boolean {
  for (let slot = 0; slot < core.slots.count; slot++) {
    if (slot !== core.slot && core.slots.inUse(slot) && ThreadCache.of(core, slot)?.isEmpty === false)
      return true;
  }
  return false;
}

function emptyAll(core: HeapCore): boolean {
  return atStandstill(core, () => {
    let any = false;
    for (let slot = 0; slot < core.slots.count; slot++) {
      const cache = core.slots.inUse(slot) ? ThreadCache.of(core, slot) : undefined;
      if (cache === undefined) continue;
      if (slot !== core.slot && core.slots.isTorn(slot)) cache.rebuild(); // its thread died after the reaping
      if (cache.flushAll()) any = true;
    }
    return any;
  });
}
