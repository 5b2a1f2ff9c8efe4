// A thread of crowd: attached, and without anything to do.

import { parentPort, workerData } from 'node:worker_threads';
import { subjectNamed } from '../subjects/subjects';

const { subject, share } = workerData as { readonly subject: string; readonly share: unknown };
const heap = subjectNamed(subject).shared!.attach(share);
parentPort?.once('message', () => {
  heap.close();
});
parentPort?.postMessage('attached');
