// Attaches, takes and frees a few blocks, and detaches, again and again; until the heap is closed, if it is.

import { parentPort, workerData } from 'node:worker_threads';
import { Heap, VmemError, type HeapHandle } from '@vmem-ts/allocator';
import { Random } from '../support/random';

export interface HurryTask {
  readonly handle: HeapHandle;
  readonly seed: number;
  readonly visits: number;
  readonly blocksPerVisit: number;
  /** Word 0 counts visits of all threads. */
  readonly visited: Int32Array;
}

const { handle, seed, visits, blocksPerVisit, visited } = workerData as HurryTask;
const random = new Random(seed);

function visit(): void {
  const heap = Heap.attach(handle);
  const pointers: number[] = [];
  for (let i = 0; i < blocksPerVisit; i++) {
    const ptr = heap.malloc(random.size(30_000));
    if (ptr !== 0) pointers.push(ptr);
    if (pointers.length > 20) heap.free(pointers.splice(random.below(20), 1)[0]);
  }
  for (const ptr of pointers) heap.free(ptr);
  heap.detach();
  Atomics.add(visited, 0, 1);
}

try {
  for (let i = 0; i < visits; i++) visit();
  parentPort?.postMessage('done');
} catch (error) {
  parentPort?.postMessage(error instanceof VmemError ? error.code : String((error as Error).stack));
}
