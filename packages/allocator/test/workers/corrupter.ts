// Runs cases of the corruption fuzz one after the other, and says at each which one it is.

import { parentPort, workerData } from 'node:worker_threads';
import type { FuzzTask } from '../corruption/fuzz';
import { runTrial, type Trial } from '../corruption/trial';

const { seed, cases, calls, progress } = workerData as FuzzTask;
/** Cases whose results go out together. */
const BATCH = 20;

let trials: Trial[] = [];
for (let i = 0; i < cases; i++) {
  trials.push(runTrial(seed + i, calls));
  if (trials.length === BATCH || i + 1 === cases) {
    parentPort?.postMessage(trials);
    trials = [];
  }
  Atomics.store(progress, 0, i + 1);
}
