// What a heap can spare before a caller hears that memory is out: caches of the dead and of the living, and empty
// slabs.

import { Slot, slotAt } from '../layout/region-layout';
import { ABANDONED } from '../sync/lock';
import type { HeapCore } from './core';
import { atStandstill } from './standstill';
import { ThreadCache } from './thread-cache';

/** Gives the cached blocks of all threads back. True if there were any. */
function emptyCaches(core: HeapCore): boolean {
  core.recovery.reapDead();
  // a look without stopping anybody: a block that goes into another cache meanwhile was live when we were called
  return othersHaveBlocks(core) ? emptyAll(core) : emptyOwn(core);
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
      if (slot !== core.slot && core.slots.isDead(slot)) cache.rebuild(); // it died after the reaping
      if (cache.flushAll()) any = true;
    }
    return any;
  });
}

function emptyOwn(core: HeapCore): boolean {
  const { locks } = core;
  const { i32 } = core.region;
  const gate = slotAt(core.slot) + Slot.gate;
  try {
    locks.lock(gate);
    const any = ThreadCache.of(core, core.slot)?.flushAll() === true; // none while the thread attaches
    locks.unlock(gate);
    return any;
  } catch (error) {
    if (i32[gate] === locks.me) i32[gate] = ABANDONED;
    throw error;
  }
}
