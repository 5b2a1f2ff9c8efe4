// The consistency check: takes every lock, so nothing but the tops of running threads' caches moves, then
// verifies each numbered invariant. Reads only. Every loop is bounded by a size of the region's geometry, not
// by what the region says, so damage can't make it run for ever.

import { VmemError } from '../../base/errors';
import { asSizeClass } from '../../base/units';
import { CLASS_COUNT } from '../../slab/size-classes';
import type { HeapParts } from '../parts';
import { checkFreeIndex } from './free-extents';
import { checkCounters, checkHead, checkTiling } from './pages';
import type { CheckReport } from './report';
import { CheckScene } from './scene';
import { checkClass } from './slabs';
import { checkSlots } from './slots';
import { checkStateStore } from './state-pages';

export function checkHeap(core: HeapParts): CheckReport {
  const scene = new CheckScene(core);
  let locked = 0;
  try {
    for (; locked < CLASS_COUNT; locked++) core.bins.lock(asSizeClass(locked));
    core.extents.lock();
    try {
      checkAll(scene);
    } finally {
      core.extents.unlock();
    }
  } catch (error) {
    if (!(error instanceof VmemError) || error.code !== 'ECORRUPT') throw error;
    scene.found.expect(false, /^\[.*?\]/.exec(error.message)?.[0] ?? '[LOCK-1]', () => error.message);
  } finally {
    while (locked-- > 0) core.bins.unlock(asSizeClass(locked));
  }
  return scene.found.report();
}

function checkAll(scene: CheckScene): void {
  checkHead(scene);
  checkTiling(scene); // takes the census that the others compare with
  checkFreeIndex(scene);
  checkSlots(scene);
  for (let i = 0; i < CLASS_COUNT; i++) checkClass(scene, i);
  checkStateStore(scene);
  checkCounters(scene);
}
