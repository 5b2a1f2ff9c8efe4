// Starts the compiled scripts of test/pools/workers and talks with them.

import { once } from 'node:events';
import { resolve } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

const started = new Set<Worker>();

afterEach(async () => {
  await Promise.all([...started].map((worker) => worker.terminate()));
});

/** Of a script of that folder, or of any by its whole path. */
export const scriptPath = (name: string): string => resolve(__dirname, '../pools/workers', `${name}.js`);

/** A worker that is terminated at the latest when the test ends. */
export function startWorker(name: string, workerData: unknown, options: WorkerOptions = {}): Worker {
  const worker = new Worker(scriptPath(name), { ...options, workerData });
  started.add(worker);
  worker.once('exit', () => started.delete(worker));
  return worker;
}

/** The worker's next message; an error that it did not catch rejects, and so does its end. */
export async function nextMessage<T>(worker: Worker): Promise<T> {
  const over = new AbortController();
  const { signal } = over;
  try {
    const ended = once(worker, 'exit', { signal }).then(([code]) => {
      throw new Error(`the worker ended with code ${code} and said nothing`);
    });
    const [message] = (await Promise.race([once(worker, 'message', { signal }), ended])) as [T];
    return message;
  } finally {
    over.abort();
  }
}

/** Posts a question and waits for the answer. */
export function ask<T>(worker: Worker, question: unknown): Promise<T> {
  const answer = nextMessage<T>(worker);
  worker.postMessage(question);
  return answer;
}

/** The exit code. */
export async function exitOf(worker: Worker): Promise<number> {
  const [code] = (await once(worker, 'exit')) as [number];
  return code;
}
