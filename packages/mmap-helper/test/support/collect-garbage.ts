/*
 * Garbage collection on demand, with the turns of the event loop in which Node finalizes.
 */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects until `isDone` says so, at most 50 times. */
export async function collectGarbageUntil(isDone: () => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt++) {
    await setImmediate(); // what a WeakRef gave lives to the end of the turn
    collect();
    await setImmediate();
    if (isDone()) return true;
  }
  return false;
}
