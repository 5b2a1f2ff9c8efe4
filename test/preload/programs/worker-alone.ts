// Says what becomes of a worker that is given the preload for itself.
//
// Arguments: the preload.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const worker = new Worker('', { eval: true, execArgv: ['--require', process.argv[2]] });
void once(worker, 'error').then(([error]) => {
  console.log((error as Error).message);
});
