// All locks of slabs and extents at once, for whoever reads what several of them protect and must see it agree.

import { Bin, Extents, binAt } from '../layout/region-layout';
import { CLASS_COUNT } from '../slab/size-classes';
import { storeRelease } from '../sync/platform';
import type { HeapParts } from './parts';

/** Runs `action`, which only reads, with the locks of all bins and of the extents. */
export function underEveryLock<T>(core: HeapParts, action: () => T): T {
  return withEveryBin(core, 0, action);
}

function withEveryBin<T>(core: HeapParts, from: number, action: () => T): T {
  const { i32 } = core.region;
  const lock = from < CLASS_COUNT ? binAt(from) + Bin.lock : Extents.lock;
  try {
    core.locks.lock(lock, core.region);
    const result = from < CLASS_COUNT ? withEveryBin(core, from + 1, action) : action();
    core.locks.unlock(lock);
    return result;
  } catch (error) {
    // reading leaves nothing half done
    if (i32[lock] === core.locks.me) storeRelease(i32, lock, 0);
    throw error;
  }
}
