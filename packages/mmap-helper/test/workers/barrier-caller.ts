// Calls the barrier again and again, and tells how often it was refused.
import { parentPort, workerData } from 'node:worker_threads';
import { threadBarrier } from '@vmem-ts/mmap-helper';

const { calls } = workerData as { calls: number };
let refused = 0;
for (let call = 0; call < calls; call++) if (!threadBarrier()) refused++;
parentPort!.postMessage(refused);
