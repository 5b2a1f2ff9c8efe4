// Adds keys to a table, in an order of its own, once all of its kind have come to the starting line.

import { parentPort, workerData } from 'node:worker_threads';
import { SharedCountTable, type CountTableHandle } from '@vmem-ts/examples/word-count/shared-count-table';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { coarseHash } from '../coarse-hash';

export interface AdderTask {
  readonly pool: VmemHandle;
  readonly table: CountTableHandle;
  readonly hashBits: number;
  /** Keys are `key 0` and so on, a prime number of them. */
  readonly keys: number;
  /** Times that each key is added. */
  readonly rounds: number;
  /** From one key to the next. */
  readonly stride: number;
  /** How many threads there are, and a word in which they count their steps. */
  readonly threads: number;
  readonly steps: SharedArrayBuffer;
  /** Nobody goes on to the next key before all have added this one. */
  readonly lockstep: boolean;
}

const task = workerData as AdderTask;
const pool = Vmem.attach(task.pool);
const table = SharedCountTable.attach(pool, task.table, coarseHash(task.hashBits));
const keys = Array.from({ length: task.keys }, (_, i) => Buffer.from(`key ${(i * task.stride) % task.keys}`));

const steps = new Int32Array(task.steps);
let taken = 0;

/** Waits until all threads have come as far as this one: spinning, so that they go on at the same moment. */
function step(): void {
  taken++;
  Atomics.add(steps, 0, 1);
  for (let spins = 0; Atomics.load(steps, 0) < taken * task.threads; spins++) {
    if (spins > 10_000) Atomics.wait(steps, 0, Atomics.load(steps, 0), 1);
  }
}

step();
parentPort!.postMessage('started');
for (let round = 0; round < task.rounds; round++) {
  for (const key of keys) {
    table.add(key);
    if (task.lockstep) step();
  }
}
pool.detach();
