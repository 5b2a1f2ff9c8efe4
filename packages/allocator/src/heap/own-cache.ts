// What a thread does with its own cache in slow paths: with the gate of its slot closed, like anybody else.

import { Slot, slotAt } from '../layout/region-layout';
import type { HeapParts } from './parts';
import { ThreadCache } from './thread-cache';

/** Runs `action` on the cache of the calling thread, which holds no lock; false if it has none while it attaches. */
export function withOwnCache(core: HeapParts, action: (cache: ThreadCache) => boolean): boolean {
  return core.locks.during(slotAt(core.slot) + Slot.gate, () => {
    const cache = ThreadCache.of(core, core.slot);
    return cache !== undefined && action(cache);
  });
}
