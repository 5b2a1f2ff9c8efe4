// Attaches to a heap, measures blocks of others, and goes or closes the heap.

import { parentPort, workerData } from 'node:worker_threads';
import { Heap, type HeapHandle } from '@vmem-ts/allocator';

export interface VisitorTask {
  readonly handle: HeapHandle;
  readonly pointers: readonly number[];
  readonly close: boolean;
}

const { handle, pointers, close } = workerData as VisitorTask;
const heap = Heap.attach(handle);
heap.free(heap.malloc(100));
const usable = pointers.map((ptr) => heap.usableSize(ptr));
const closed = close ? heap.close() : false;
heap.detach();
parentPort?.postMessage({ usable, closed });
