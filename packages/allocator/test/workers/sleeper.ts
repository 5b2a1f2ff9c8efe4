// Frees the blocks that it is given and sleeps with its cache full of them; then uses its cache again.

import { parentPort, workerData } from 'node:worker_threads';
import { Heap, type HeapHandle } from '@vmem-ts/allocator';
import { meet } from '../support/barrier';

export interface SleeperTask {
  readonly handle: HeapHandle;
  readonly barrier: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
  /** Blocks to free, of whichever thread, written after the first meeting. */
  readonly pointers: Int32Array;
  /** Word 0 counts the threads that sleep; word 1 is 1 when they shall go on. */
  readonly words: Int32Array;
}

const { handle, barrier, threads, pointers, words } = workerData as SleeperTask;
const heap = Heap.attach(handle);
meet(barrier, threads); // all are attached
meet(barrier, threads); // there are blocks
for (const ptr of pointers) heap.free(ptr);
Atomics.add(words, 0, 1);
Atomics.wait(words, 1, 0, 60_000);
const taken = Array.from(pointers, () => heap.malloc(100)).filter((ptr) => ptr !== 0);
for (const ptr of taken) heap.free(ptr);
heap.detach();
parentPort?.postMessage(taken);
