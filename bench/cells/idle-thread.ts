// A thread of crowd: it has used the heap once, and has nothing to do.

import { parentPort, workerData } from 'node:worker_threads';
import { subjectNamed } from '../subjects/subjects';

const { subject, share } = workerData as { readonly subject: string; readonly share: unknown };
const heap = subjectNamed(subject).shared!.attach(share);
const block = heap.blocks.malloc(64);
if (block === 0) throw new Error('out of memory');
heap.blocks.free(block);
parentPort?.once('message', () => {
  heap.close();
});
parentPort?.postMessage('attached');
