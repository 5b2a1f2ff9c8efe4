// Allocates and frees until it is terminated. The sizes are such that slow paths are common.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { randomFrom } from '../../support/random';

export interface VictimTask {
  readonly handle: VmemHandle;
  readonly seed: number;
}

const { handle, seed } = workerData as VictimTask;
const random = randomFrom(seed);
const pool = attach();
const held: number[] = [];

/** While another thread clears the slot of a dead one, that slot can't be had. */
function attach(): Vmem {
  const end = performance.now() + 5000;
  for (;;) {
    try {
      return Vmem.attach(handle);
    } catch (error) {
      if ((error as { code?: string }).code !== 'EAGAIN' || performance.now() > end) throw error;
    }
  }
}

function step(): void {
  if (held.length < 60 && random(2) === 0) {
    const ptr = pool.malloc(random(8) === 0 ? random(40_000) : random(3000));
    if (ptr !== 0) held.push(ptr);
  } else if (held.length > 0) {
    pool.free(held.splice(random(held.length), 1)[0]);
  }
}

for (let warm = 0; warm < 2000; warm++) step();
parentPort!.postMessage('ready');
for (;;) step();
