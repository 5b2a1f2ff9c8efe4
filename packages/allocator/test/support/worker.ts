// Starts the compiled scripts of test/workers and waits for their results.

import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** A worker that gets `task` as its `workerData`. */
export function startWorker(name: string, task: unknown): Worker {
  return new Worker(join(__dirname, '..', 'workers', `${name}.js`), { workerData: task });
}

/** The worker's one message; rejects with what it throws, and if it ends without a message. */
export function resultOf(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the worker ended with code ${code} and no result`)));
  });
}

export function runWorker(name: string, task: unknown): Promise<unknown> {
  return resultOf(startWorker(name, task));
}
