// All locks of slabs and extents at once, for whoever reads what several of them protect and must see it agree.

import { Bin, Extents, binAt } from '../layout/region-layout';
import { CLASS_COUNT } from '../slab/size-classes';
import { ABANDONED } from '../sync/lock';
import { STORES_IN_ORDER } from '../sync/platform';
import type { HeapParts } from './parts';

/** Runs `action`, which leaves nothing half done if it throws, with the locks of all bins and of the extents. */
export function underEveryLock<T>(core: HeapParts, action: () => T): T {
  return withEveryBin(core, 0, action);
}

function withEveryBin<T>(core: HeapParts, from: number, action: () => T): T {
  const { i32 } = core.region;
  const lock = from < CLASS_COUNT ? binAt(from) + Bin.lock : Extents.lock;
  let isLocked = false;
  try {
    core.locks.lock(lock, core.region);
    isLocked = true;
    const result = from < CLASS_COUNT ? withEveryBin(core, from + 1, action) : action();
    core.locks.unlock(lock);
    return result;
  } catch (error) {
    // Reading leaves nothing half done, but a repair that was cut short does. No call: the stack may be full.
    if (i32[lock] === core.locks.me) i32[lock] = isLocked && STORES_IN_ORDER ? 0 : ABANDONED;
    throw error;
  }
}
