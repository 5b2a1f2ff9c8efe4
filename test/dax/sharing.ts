// What holds on persistent memory of either kind: threads that share a pool.

import { resolve } from 'node:path';
import type { Vmem } from '@vmem-ts/vmem-api';
import { expectEmptyAndWhole } from '../support/pools';
import { seedFor } from '../support/random';
import { nextMessage, startWorker } from '../support/worker';
import type { ChurnResult, ChurnTask } from '../pools/workers/churner';
import type { WaitTask } from './workers/waiter';

/** A script of this folder's workers, for a thread; a process needs `.js` behind it. */
export const script = (name: string): string => resolve(__dirname, 'workers', name);

/** Tests of pools that `create` makes. */
export function testSharing(create: () => Vmem): void {
  it('is shared by threads that wait for each other at words of it', async () => {
    const pool = create();
    const ptr = pool.calloc(16, 4);
    const words = pool.view(Int32Array, ptr, 16);
    const workers = [0, 1, 2].map((word) =>
      startWorker(script('waiter'), { handle: pool.handle, ptr, word } satisfies WaitTask),
    );
    const waiting = await Promise.all(workers.map((worker) => nextMessage(worker)));
    expect(waiting).toEqual(workers.map(() => 'waiting'));
    const outcomes = workers.map((worker) => nextMessage(worker));
    Atomics.store(words, 0, 1);
    Atomics.notify(words, 0);
    expect(Atomics.wait(words, 3, 0, 60_000)).not.toBe('timed-out');
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatch(/^(ok|not-equal)$/);
    for (const word of [1, 2, 3]) {
      expect(pool.view(Uint8Array, words[word], 1000).every((byte) => byte === word - 1)).toBe(true);
      pool.free(words[word]);
    }
    pool.free(ptr);
    expectEmptyAndWhole(pool);
  });

  it('is allocated from and freed by several threads at once, until it is deleted', async () => {
    const seed = seedFor('threads on persistent memory');
    const warm = create();
    const workers = [1, 2].map((n) =>
      startWorker('churner', { handle: warm.handle, seed: seed + n } satisfies ChurnTask),
    );
    expect(await Promise.all(workers.map((worker) => nextMessage(worker)))).toEqual(['ready', 'ready']);
    const attached = workers.map((worker) => nextMessage(worker));
    for (const worker of workers) worker.postMessage(warm.handle);
    expect(await Promise.all(attached)).toEqual(['attached', 'attached']);
    const ends = workers.map((worker) => nextMessage<ChurnResult>(worker));
    for (let i = 0; i < 5; i++) expect(warm.check()).toBe(1);
    warm.delete();
    for (const { outcome } of await Promise.all(ends)) expect(outcome).toBe('VmemError ECLOSED');
  });
}
