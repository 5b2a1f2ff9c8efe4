// Threads that allocate, hand blocks over and free each other's, compared with a model; and threads that die meanwhile.

import type { Worker } from 'node:worker_threads';
import type { Vmem } from '@vmem-ts/vmem-api';
import { MIB, PAGE, describeEachKind, expectEmptyAndWhole } from '../support/pools';
import { randomFrom, seedFor } from '../support/random';
import { Ring } from '../support/ring';
import { Trader } from '../support/trader';
import { exitOf, nextMessage, startWorker } from '../support/worker';
import type { TraderResult, TraderTask } from './workers/trader-thread';
import type { VictimTask } from './workers/victim';

const OPERATIONS: Record<string, number> = {
  overlay: 1_200_000,
  anonymous: 300_000,
  region: 300_000,
  'mmap-io': 300_000,
};

/** Three threads trade on a new pool. At the end it is empty. */
async function tradeOn(pool: Vmem, seed: number, operations: number): Promise<void> {
  const rings = Array.from({ length: 3 }, () => Ring.memory());
  const workers = [1, 2].map((me) =>
    startWorker('trader-thread', {
      handle: pool.handle,
      seed: seed + me,
      rings: [rings[me], rings[(me + 1) % 3]],
      operations,
    } satisfies TraderTask),
  );
  const results = workers.map((worker) => nextMessage<TraderResult>(worker));
  const trader = new Trader(pool, randomFrom(seed), new Ring(rings[0]), new Ring(rings[1]));
  trader.trade(operations);
  const [first, second] = await Promise.all(results);
  // the last ones: what still is on its way
  const rest = rings.reduce((count, ring) => count + trader.freeAllOf(new Ring(ring)), 0);
  const received = trader.received + first.received + second.received;
  const sent = trader.sent + first.sent + second.sent;
  expect(received + rest).toBe(sent);
  expect(received).toBeGreaterThan(operations / 20);
  const exits = workers.map((worker) => exitOf(worker));
  for (const worker of workers) worker.postMessage('leave');
  await Promise.all(exits);
  expectEmptyAndWhole(pool);
  expect(pool.stats().threads).toBe(1);
}

describeEachKind('threads that trade blocks', ({ name, create }) => {
  it('find in every block what was written into it, and leave nothing behind', async () => {
    await tradeOn(create(64 * MIB), seedFor(`trading blocks, ${name}`), OPERATIONS[name]);
  });
});

describeEachKind(
  'threads that trade blocks of a pool that grows',
  ({ name, create }) => {
    it.each(['default', 'conservative'] as const)('do so with the policy %s', async (policy) => {
      const pool = create(14 * MIB, { maxSize: 64 * MIB, policy });
      await tradeOn(pool, seedFor(`trading blocks, ${name}, ${policy}`), 200_000);
    });
  },
  ['overlay', 'anonymous'],
);

/** Blocks that other threads left when they died are known by their places alone: every one is tried. */
function freeWhatIsLeft(pool: Vmem): void {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  for (let page = 0; page < pool.size; page += PAGE) {
    const refusal = tryToFree(pool, page);
    if (/no block|inside the block|own data/.test(refusal)) continue;
    for (let ptr = page + 8; ptr < page + PAGE; ptr += 8) tryToFree(pool, ptr);
  }
  Error.stackTraceLimit = limit;
}

function tryToFree(pool: Vmem, ptr: number): string {
  try {
    pool.free(ptr);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

/** The largest block that the pool can give now. */
function largestBlock(pool: Vmem): number {
  let [fits, fails] = [0, pool.size];
  while (fails - fits > 4096) {
    const size = Math.floor((fits + fails) / 2);
    const ptr = pool.malloc(size);
    if (ptr === 0) fails = size;
    else {
      pool.free(ptr);
      fits = size;
    }
  }
  return fits;
}

/** How long one malloc and free, and a large pair, took at most, in milliseconds. */
function longestPause(pool: Vmem, milliseconds: number): number {
  const end = performance.now() + milliseconds;
  let longest = 0;
  let last = performance.now();
  for (let i = 0; last < end; i++) {
    pool.free(pool.malloc(i % 2000));
    if (i % 16 === 0) pool.free(pool.malloc(50_000));
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return longest;
}

async function startVictim(task: VictimTask): Promise<Worker> {
  const worker = startWorker('victim', task);
  await nextMessage(worker);
  return worker;
}

const KILLS: Record<string, number> = { overlay: 66, anonymous: 12, region: 12, 'mmap-io': 12 };

describeEachKind('threads that are terminated in the middle of malloc and free', ({ name, create }) => {
  it('hold nobody up, and all that they had comes back', async () => {
    const random = randomFrom(seedFor(`killing threads, ${name}`));
    const pool = create(16 * MIB, { threads: 4 });
    const fresh = largestBlock(pool);
    for (let killed = 0; killed < KILLS[name];) {
      const victims = await Promise.all(
        [1, 2, 3].map((n) => startVictim({ handle: pool.handle, seed: random(2 ** 31) + n })),
      );
      for (const victim of victims) {
        longestPause(pool, random(8));
        const gone = victim.terminate();
        // terminate takes a moment: the survivor goes on through it; a pause of the machine is no pause of the pool
        expect(longestPause(pool, 5)).toBeLessThan(1000);
        await gone;
        killed++;
      }
      expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
    }
    freeWhatIsLeft(pool);
    expect(largestBlock(pool)).toBeGreaterThanOrEqual(0.97 * fresh); // this asks for all that can be had
    expectEmptyAndWhole(pool);
    expect(pool.stats().threads).toBe(1);
  });
});
