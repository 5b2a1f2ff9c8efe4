// Threads that use a pool until they are told to stop (test/pools/workers/pool-churner.ts).

import { once } from 'node:events';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Vmem, VmemHandle } from '@vmem-ts/vmem-api';

export interface ThreadTask {
  readonly handle: VmemHandle;
  readonly seed: number;
  /** Not 0 when it is time to stop. */
  readonly isOver: Int32Array;
}

export interface Threads {
  /** What went wrong in them. */
  stop(): Promise<string[]>;
}

const SCRIPT = resolve(__dirname, '../pools/workers/pool-churner.js');

/** Returns when all of them are at it. */
export async function startThreads(pool: Vmem, count: number): Promise<Threads> {
  const isOver = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from({ length: count }, (_, seed) => {
    const workerData: ThreadTask = { handle: pool.handle, seed, isOver };
    return new Worker(SCRIPT, { workerData });
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return {
    async stop() {
      const reports = workers.map((worker) => once(worker, 'message') as Promise<[string[]]>);
      const exits = workers.map((worker) => once(worker, 'exit'));
      Atomics.store(isOver, 0, 1);
      Atomics.notify(isOver, 0);
      const found = (await Promise.all(reports)).flatMap(([problems]) => problems);
      await Promise.all(exits);
      return found;
    },
  };
}
