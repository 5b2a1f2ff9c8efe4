// Starts the workers of one way of counting and waits for all of them.

import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Failure } from './failure';
import type { Job, JobDone, JobFailed, JobReport } from './job';

/** A worker said that it can't go on. */
export class WorkerFailure extends Error {
  override readonly name = 'WorkerFailure';

  /** In the manner of errno. */
  readonly code: string;
  /** The file that was being worked on. */
  readonly path: string | undefined;

  constructor({ code, message, path }: JobFailed) {
    super(message);
    this.code = code;
    this.path = path;
  }
}

/** How long the others have to come to their end after one has failed. */
const GRACE_MS = 5000;

export interface WorkerTask {
  /** File beside this one, without extension. */
  readonly script: string;
  readonly threads: number;
  readonly job: Job;
  /** Keeps the others from starting another piece. */
  readonly stop: () => void;
  /** Called as a worker's report comes in. */
  readonly onDone: (report: JobDone) => void;
  readonly signal: AbortSignal;
}

/**
 * Returns when every worker is done and gone. If one fails, the others are stopped, and all are gone when this throws.
 * @throws WorkerFailure for what a worker reported; Failure for one that broke down, and if `signal` fires
 */
export async function runWorkers(task: WorkerTask): Promise<void> {
  const failures: Error[] = [];
  const workers: Worker[] = [];
  const fail = (reason: Error): void => {
    failures.push(reason);
    task.stop();
    setTimeout(() => workers.forEach((worker) => void worker.terminate()), GRACE_MS).unref();
  };
  const interrupt = (): void => fail(new Failure('interrupted', 130));
  if (task.signal.aborted) interrupt();
  task.signal.addEventListener('abort', interrupt);
  for (let number = 1; number <= task.threads; number++) {
    workers.push(new Worker(join(__dirname, `${task.script}.js`), { workerData: task.job }));
  }
  await Promise.all(workers.map((worker, i) => endOf(worker, `worker ${i + 1}`, task.onDone, fail)));
  task.signal.removeEventListener('abort', interrupt);
  if (failures.length > 0) throw failures[0];
}

/** Resolves when the worker is gone, after it has reported or its failure was noted. */
async function endOf(
  worker: Worker,
  name: string,
  onDone: (report: JobDone) => void,
  fail: (reason: Error) => void,
): Promise<void> {
  let settled = false;
  const breakDown = (error: Error): void => {
    settled = true;
    fail(new Failure(`${name} broke down: ${error.message}`));
  };
  worker.on('error', breakDown);
  worker.on('message', (report: JobReport) => {
    settled = true;
    try {
      if (report.kind === 'done') onDone(report);
      else fail(new WorkerFailure(report));
    } catch (error) {
      breakDown(error as Error); // too much for one Map, for example
    }
  });
  const exitCode = await new Promise<number>((resolve) => worker.on('exit', resolve));
  if (!settled) fail(new Failure(`${name} ended with exit code ${exitCode} before its work was done`));
}
