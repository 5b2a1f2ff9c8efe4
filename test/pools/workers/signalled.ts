// Uses a pool while another thread sends signals to the process, whose handler uses the pool, too.

import { tmpdir } from 'node:os';
import { Worker } from 'node:worker_threads';
import { VMEM_MIN_POOL, Vmem } from '@vmem-ts/vmem-api';

export interface Signalled {
  /** Times that the handler ran while a call was under way. */
  readonly inside: number;
  readonly handled: number;
  readonly calls: number;
  readonly result: number;
  readonly liveBlocks: number;
}

const TURNS = 40;
const pool = Vmem.create(tmpdir(), VMEM_MIN_POOL, { maxSize: 64 * 2 ** 20, policy: 'conservative' });
let isInside = false;
let inside = 0;
let handled = 0;
let calls = 0;

process.on('SIGUSR2', () => {
  handled++;
  if (isInside) inside++;
  pool.free(pool.malloc(100));
  pool.freeMany([pool.malloc(20_000), pool.malloc(64)]);
});

const sender = new Worker("setInterval(() => process.kill(process.pid, 'SIGUSR2'), 1)", { eval: true });

function turn(left: number): void {
  for (let i = 0; i < 200; i++) {
    isInside = true;
    const ptr = pool.malloc((i * 997) % 40_000);
    if (i % 50 === 0) pool.free(pool.malloc(20 * 2 ** 20)); // grows, and gives back
    pool.free(ptr);
    isInside = false;
    calls += 2;
  }
  if (left > 0) setTimeout(turn, 2, left - 1);
  else void sender.terminate().then(finish);
}

function finish(): void {
  const { liveBlocks } = pool.stats();
  const answer: Signalled = { inside, handled, calls, result: pool.check(), liveBlocks };
  process.stdout.write(JSON.stringify(answer), () => process.exit(0));
}

sender.once('online', () => turn(TURNS));
