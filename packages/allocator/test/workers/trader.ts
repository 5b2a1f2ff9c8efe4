// Trades blocks with other threads until its plan is done.

import { parentPort, workerData } from 'node:worker_threads';
import { Heap, type HeapHandle } from '@vmem-ts/allocator';
import { meet } from '../support/barrier';
import { trade, type TradePlan } from '../support/trade';

export interface TraderTask {
  readonly handle: HeapHandle;
  readonly barrier: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
  readonly shelves: Int32Array;
  readonly plan: TradePlan;
}

const { handle, barrier, threads, shelves, plan } = workerData as TraderTask;
const heap = Heap.attach(handle);
meet(barrier, threads);
const result = trade(heap, shelves, plan);
heap.detach();
parentPort?.postMessage(result);
