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
  /** Counts the threads that have not come yet. */
  readonly startingLine: SharedArrayBuffer;
}

const task = workerData as AdderTask;
const pool = Vmem.attach(task.pool);
const table = SharedCountTable.attach(pool, task.table, coarseHash(task.hashBits));
const keys = Array.from({ length: task.keys }, (_, i) => Buffer.from(`key ${(i * task.stride) % task.keys}`));

const missing = new Int32Array(task.startingLine);
Atomics.sub(missing, 0, 1);
while (Atomics.load(missing, 0) > 0) Atomics.wait(missing, 0, 1, 1);
parentPort!.postMessage('started');
for (let round = 0; round < task.rounds; round++) for (const key of keys) table.add(key);
pool.detach();
