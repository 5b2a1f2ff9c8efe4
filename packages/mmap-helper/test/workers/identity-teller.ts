// Tells who it is and lives on.
import { parentPort } from 'node:worker_threads';
import { threadIdentity } from '@vmem-ts/mmap-helper';

parentPort!.postMessage(threadIdentity());
parentPort!.on('message', () => {});
