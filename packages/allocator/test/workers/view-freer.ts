// Adds up a view that came in a message, and frees it.

import { parentPort, workerData } from 'node:worker_threads';
import { Heap, type HeapHandle } from '@vmem-ts/allocator';

const { handle, view } = workerData as { handle: HeapHandle; view: Float64Array };
const heap = Heap.attach(handle);
const sum = view.reduce((a, b) => a + b, 0);
heap.free(view);
heap.detach();
parentPort?.postMessage(sum);
