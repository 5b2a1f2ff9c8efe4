// Runs fast sections as fast as it can: in each it adds one to two words, unless the gate is closed.

import { parentPort, workerData } from 'node:worker_threads';

export interface SectionTask {
  readonly words: Int32Array;
  /** Positions in `words`. */
  readonly busy: number;
  readonly gate: number;
  /** The first of the two words. */
  readonly halves: number;
  /** 1 when the work is over. */
  readonly over: number;
}

function run({ words, busy, gate, halves, over }: SectionTask): number {
  let done = 0;
  while (Atomics.load(words, over) === 0) {
    for (let i = 0; i < 100; i++) {
      words[busy] = 1;
      if (words[gate] === 0) {
        words[halves]++;
        words[halves + 1]++;
        done++;
      }
      words[busy] = 0;
    }
  }
  return done;
}

parentPort?.postMessage(run(workerData as SectionTask));
