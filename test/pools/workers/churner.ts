// Allocates, verifies and frees in the pools whose handles come, each until that ends with an error.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { randomFrom } from '../../support/random';
import { failureOf } from '../../support/thrown';

export interface ChurnTask {
  readonly seed: number;
  /** A pool to begin with, so that the first round finds warm code. */
  readonly handle: VmemHandle;
}

export interface ChurnResult {
  /** What ended the loop: an error, or `wrong contents`. */
  readonly outcome: string;
  readonly operations: number;
}

const { seed, handle } = workerData as ChurnTask;
const random = randomFrom(seed);
const HELD = 200;

/** True if `after` operations are done. */
function churn(pool: Vmem, count: (operations: number) => void, after = Infinity): void {
  const held: number[] = [];
  for (let operations = 1; operations <= after; operations++) {
    count(operations);
    const kind = random(20);
    if (held.length < HELD && kind < 10) {
      const size = kind === 0 ? random(60_000) : random(600);
      const ptr = kind === 1 ? pool.alignedAlloc(64, size) : pool.malloc(size);
      if (ptr === 0) continue;
      if (ptr < 0 || ptr % 8 !== 0 || ptr + size > pool.size) throw new RangeError(`malloc gave ${ptr}`);
      held.push(ptr);
    } else if (held.length > 0) {
      const at = random(held.length);
      const ptr = held[at];
      if (kind === 19) {
        const moved = pool.realloc(ptr, 1 + random(3000));
        if (moved !== 0) held[at] = moved;
        continue;
      }
      held[at] = held.at(-1)!;
      held.pop();
      pool.free(ptr);
    }
  }
  for (const ptr of held) pool.free(ptr);
}

const warm = Vmem.attach(handle);
churn(warm, () => {}, 50_000);
warm.detach();

parentPort!.on('message', (next: VmemHandle) => {
  let operations = 0;
  const outcome = failureOf(() => {
    const pool = Vmem.attach(next);
    parentPort!.postMessage('attached');
    churn(pool, (done) => (operations = done));
  });
  parentPort!.postMessage({ outcome, operations } satisfies ChurnResult);
});
parentPort!.postMessage('ready');
