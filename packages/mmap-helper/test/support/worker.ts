/*
 * Starts the compiled scripts of test/workers and waits for what they say.
 */
import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WorkerOptions } from 'node:worker_threads';

export function workerScript(name: string): string {
  return path.join(__dirname, '..', 'workers', `${name}.js`);
}

export function startWorker(name: string, workerData: unknown, options: WorkerOptions = {}): Worker {
  return new Worker(workerScript(name), { ...options, workerData });
}

/** The worker's next message; an error that nothing caught rejects. */
export async function nextMessage(worker: Worker): Promise<unknown> {
  const [message] = (await once(worker, 'message')) as unknown[];
  return message;
}

/** The exit code. To be asked for before the worker can have ended. */
export function exitOf(worker: Worker): Promise<number> {
  worker.on('error', () => {}); // or Node would throw it here
  return new Promise((resolve) => worker.once('exit', resolve));
}
