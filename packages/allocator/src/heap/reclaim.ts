// What a heap can spare before a caller hears that memory is out: caches of the dead and of the living, and empty
// slabs.

import { Slot, slotAt } from '../layout/region-layout';
import type { HeapCore } from './core';
import { withOwnCache } from './own-cache';
import { ThreadCache } from './thread-cache';

/**
 * Gives the cached blocks of all threads back, of one after the other, each behind its own gate: nobody is held up for longer
 * than the own cache takes. True if there were any.
 */
function emptyCaches(core: HeapCore): boolean {
  core.recovery.reapDead();
  let any = withOwnCache(core, (cache) => cache.flushAll());
  // a look without stopping anybody: a block that goes into another cache meanwhile was live when we were called, or free
  // until that thread was faster
  for (let slot = 0; slot < core.slots.count; slot++)
    if (slot !== core.slot && hasBlocks(core, slot) && emptyOther(core, slot)) any = true;
  return any;
}

/** The same, and the pages of all empty slabs. */
export function reclaim(core: HeapCore): boolean {
  const flushed = emptyCaches(core);
  return core.bins.releaseEmptySlabs() || flushed;
}

function hasBlocks(core: HeapCore, slot: number): boolean {
  return core.slots.inUse(slot) && ThreadCache.of(core, slot)?.isEmpty === false;
}

function emptyOther(core: HeapCore, slot: number): boolean {
  return core.locks.during(slotAt(slot) + Slot.gate, () => {
    core.sections.awaitOthers();
    const cache = core.slots.inUse(slot) ? ThreadCache.of(core, slot) : undefined;
    if (cache === undefined) return false;
    if (core.slots.isTorn(slot)) cache.rebuild(); // its thread died after the reaping
    return cache.flushAll();
  });
}
