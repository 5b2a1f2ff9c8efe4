// Runs many cases in workers, and watches them: a case that does not end is a finding, and not the end of the run.

import type { Worker } from 'node:worker_threads';
import { startWorker } from '../support/worker';
import { Tally } from './tally';
import type { Trial } from './trial';

export interface FuzzTask {
  /** Of the first case; each has a seed of its own, one more than the case before. */
  readonly seed: number;
  readonly cases: number;
  /** Calls after the damage. */
  readonly calls: number;
  /** Word 0: number of the case that is under way. */
  readonly progress: Int32Array;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly cases: number;
  readonly calls?: number;
  readonly threads?: number;
  /** Milliseconds after which a case has not ended. */
  readonly patience?: number;
  /** The script of test/workers that runs cases. */
  readonly worker?: string;
  readonly onProgress?: (cases: number) => void;
}

const CALLS = 40;
/** A case takes 50 ms; one in which threads are waited for, some seconds. */
const PATIENCE = 60_000;
/** After so many cases that don't end the rest is not tried. */
const MOST_HANGS = 5;

export async function fuzz(options: FuzzOptions): Promise<Tally> {
  const { seed, cases, threads = 2 } = options;
  const tally = new Tally();
  const share = Math.ceil(cases / threads);
  const runs: Promise<void>[] = [];
  for (let from = 0; from < cases; from += share) {
    runs.push(runPart(options, seed + from, Math.min(share, cases - from), tally));
  }
  await Promise.all(runs);
  return tally;
}

async function runPart(options: FuzzOptions, seed: number, cases: number, tally: Tally): Promise<void> {
  let hangs = 0;
  for (let done = 0; done < cases; done++) {
    done += await runUntilHang(options, seed + done, cases - done, tally);
    if (done >= cases) return;
    tally.faults.push(`seed ${seed + done}: did not end`);
    if (++hangs === MOST_HANGS) return;
  }
}

/** Returns how many cases ended before one did not. */
async function runUntilHang(
  { calls = CALLS, patience = PATIENCE, worker: name = 'corrupter', onProgress }: FuzzOptions,
  seed: number,
  cases: number,
  tally: Tally,
): Promise<number> {
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const worker = startWorker(name, { seed, cases, calls, progress } satisfies FuzzTask);
  worker.on('message', (trials: Trial[]) => {
    for (const trial of trials) tally.add(trial);
    onProgress?.(tally.cases);
  });
  const watch = stopWhenStuck(worker, progress, patience);
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', () => resolve());
    });
  } finally {
    clearInterval(watch);
  }
  return Atomics.load(progress, 0);
}

function stopWhenStuck(worker: Worker, progress: Int32Array, patience: number): NodeJS.Timeout {
  let seen = -1;
  let since = performance.now();
  return setInterval(
    () => {
      const now = Atomics.load(progress, 0);
      if (now !== seen) since = performance.now();
      seen = now;
      if (performance.now() - since > patience) void worker.terminate();
    },
    Math.min(500, patience / 4),
  );
}
