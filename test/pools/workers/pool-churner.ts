// Takes blocks, writes to them, looks at them and frees them, until it is told to stop.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem } from '@vmem-ts/vmem-api';
import { fill, isFilled } from '../../support/pool-contents';
import type { ThreadTask } from '../../support/pool-threads';
import { randomFrom } from '../../support/random';

const { handle, seed, isOver } = workerData as ThreadTask;
const HELD = 100;

const pool = Vmem.attach(handle);
const random = randomFrom(seed);
const held: { ptr: number; size: number }[] = [];
const problems: string[] = [];

function step(): void {
  if (held.length < HELD && random(2) === 0) {
    const size = random(10) === 0 ? random(40_000) : random(700);
    const ptr = pool.malloc(size);
    if (ptr === 0) return;
    fill(pool, ptr, size);
    held.push({ ptr, size });
  } else if (held.length > 0) {
    const [{ ptr, size }] = held.splice(random(held.length), 1) as [{ ptr: number; size: number }];
    if (!isFilled(pool, ptr, size) && problems.length < 10)
      problems.push(`the block at ${ptr} was written over`);
    pool.free(ptr);
  }
}

for (let i = 0; i < 1000; i++) step();
parentPort!.postMessage('started');
// with pauses: many processes do this at once
while (Atomics.wait(isOver, 0, 0, 1) === 'timed-out') for (let i = 0; i < 100; i++) step();
for (const { ptr } of held) pool.free(ptr);
pool.detach();
parentPort!.postMessage(problems);
