// The consistency check: takes every lock at a standstill, so nothing moves, and copies what describes the heap; then it
// verifies each numbered invariant of the copy. Where no copy can be had it does that at the standstill. Changes nothing but
// what taking locks repairs, and slots of threads found dead. Every loop is bounded by a size of the region's geometry, not by
// what the region says, so damage can't make it run for ever.

import { VmemError } from '../../base/errors';
import { CLASS_COUNT } from '../../slab/size-classes';
import type { HeapParts } from '../parts';
import { atStandstill } from '../standstill';
import { underEveryLock } from '../every-lock';
import { checkCachedRuns } from './cached-runs';
import { checkFreeIndex } from './free-extents';
import { HeapCopy } from './heap-copy';
import { checkCounters, checkHead, checkTiling } from './pages';
import type { CheckReport } from './report';
import { CheckScene } from './scene';
import { checkUnbacked } from './unbacked';
import { checkClass } from './slabs';
import { checkSlots } from './slots';
import { checkStateStore } from './state-pages';

export function checkHeap(core: HeapParts): CheckReport {
  const copy = HeapCopy.for(core); // the slow part of it, before anybody waits
  const inPlace = new CheckScene(core);
  let still: HeapParts | undefined;
  orDamage(inPlace, () => {
    // damage found inside is no reason to abandon the gates, so it does not leave the standstill
    core.backing.still(() => {
      atStandstill(core, () => {
        orDamage(inPlace, () => {
          underEveryLock(core, () => {
            still = copy?.take();
            if (still === undefined) checkAll(inPlace);
          });
        });
      });
    });
  });
  if (still === undefined || inPlace.found.problems.length > 0) return inPlace.found.report();
  const scene = new CheckScene(still);
  orDamage(scene, () => {
    checkAll(scene);
  });
  return scene.found.report();
}

/** Runs `action`; damage that makes it throw is a finding. */
function orDamage(scene: CheckScene, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof VmemError) || error.code !== 'ECORRUPT') throw error;
    scene.found.expect(false, /^\[.*?\]/.exec(error.message)?.[0] ?? '[LOCK-1]', () => error.message);
  }
}

function checkAll(scene: CheckScene): void {
  checkHead(scene);
  checkTiling(scene); // takes the census that the others compare with
  checkFreeIndex(scene);
  checkUnbacked(scene);
  checkSlots(scene);
  checkCachedRuns(scene);
  for (let i = 0; i < CLASS_COUNT; i++) checkClass(scene, i);
  checkStateStore(scene);
  checkCounters(scene);
}
