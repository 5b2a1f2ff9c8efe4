// Adds to a plain word under a lock, many times.

import { parentPort, workerData } from 'node:worker_threads';
import { OwnedLocks } from '#src/sync/lock';

export interface CounterTask {
  /** Lock in words 0 and 1, counter in word 2, threads that are ready in word 3. */
  readonly buffer: SharedArrayBuffer;
  readonly token: number;
  readonly times: number;
  readonly threads: number;
}

const { buffer, token, times, threads } = workerData as CounterTask;
const words = new Int32Array(buffer);
const refuse = (): never => {
  throw new Error('nobody dies here');
};
const locks = new OwnedLocks(words, token, () => false, refuse);

Atomics.add(words, 3, 1);
while (Atomics.load(words, 3) < threads);
let torn = 0;
for (let i = 0; i < times; i++) {
  locks.lock(0);
  const before = words[2];
  words[2] = before + 1;
  if (words[2] !== before + 1 || !locks.holds(0)) torn++;
  locks.unlock(0);
}
parentPort?.postMessage(torn);
