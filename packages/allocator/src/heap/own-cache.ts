// What a thread does with its own cache in slow paths: with the gate of its slot closed, like anybody else.

import { Slot, slotAt } from '../layout/region-layout';
import { ABANDONED } from '../sync/lock';
import type { HeapParts } from './parts';
import { ThreadCache } from './thread-cache';

/** Runs `action` on the cache of the calling thread, which holds no lock; false if it has none while it attaches. */
export function withOwnCache(core: HeapParts, action: (cache: ThreadCache) => boolean): boolean {
  const { locks } = core;
  const { i32 } = core.region;
  const gate = slotAt(core.slot) + Slot.gate;
  try {
    locks.lock(gate);
    const cache = ThreadCache.of(core, core.slot);
    const result = cache !== undefined && action(cache);
    locks.unlock(gate);
    return result;
  } catch (error) {
    if (i32[gate] === locks.me) i32[gate] = ABANDONED;
    throw error;
  }
}
