// Real threads on one heap.

import { Heap } from '@vmem-ts/allocator';
import { asPage } from '#src/base/units';
import { Sharing } from '#src/layout/page-map';
import { BARRIER_WORDS, meet } from '../support/barrier';
import { CLASS_SIZE } from '#src/slab/size-classes';
import { exhaust } from '../support/exhaust';
import { freeWithOthers, type SharedRound } from '../support/free-with-others';
import { InnerHeap } from '../support/inner-heap';
import { randomFor } from '../support/random';
import { SharedCensus } from '../support/shared-census';
import { receive, trade, type TradePlan, type TradeResult } from '../support/trade';
import { resultOf, runWorker, startWorker } from '../support/worker';
import type { DoomedTask } from '../workers/doomed';
import type { DoubleFreeTask } from '../workers/double-freer';
import type { SleeperTask } from '../workers/sleeper';
import type { TraderTask } from '../workers/trader';
import type { HurryTask } from '../workers/visitor-in-a-hurry';

const MIB = 1 << 20;
const sharedWords = (count: number): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(count * 4));

function expectEmpty(heap: Heap): void {
  expect(heap.checkReport().problems).toEqual([]);
  expect(heap.stats()).toMatchObject({ live: 0, liveBlocks: 0, threads: 1 });
}

describe('threads that free each other’s blocks', () => {
  test.each([
    ['small blocks', 3, 32 * MIB, 0, 300, 500_000],
    ['blocks of all sizes', 5, 16 * MIB, 0, 40_000, 20_000],
    ['a heap that is often full', 3, MIB, 0, 20_000, 60_000],
    ['runs of pages', 3, 256 * MIB, 16_385, 131_072, 6000],
    ['runs of pages, a heap that is often full', 4, 8 * MIB, 16_385, 60_000, 6000],
  ])(
    '%s: no block is damaged, lost or handed out twice',
    async (name, threads, size, smallest, largest, blocks) => {
      const random = randomFor(name);
      const heap = Heap.create(new SharedArrayBuffer(size));
      const shelves = sharedWords(1000);
      const barrier = sharedWords(BARRIER_WORDS);
      const plan = (): TradePlan => ({ seed: random.word(), blocks, smallest, largest });
      const workers = Array.from({ length: threads - 1 }, () => {
        return runWorker('trader', {
          handle: heap.handle,
          barrier,
          threads,
          shelves,
          plan: plan(),
        } satisfies TraderTask);
      });
      meet(barrier, threads);
      const mine = trade(heap, shelves, plan());
      const results = [mine, ...((await Promise.all(workers)) as TradeResult[])];
      const words = new Int32Array(heap.buffer);
      for (const granule of shelves) if (granule !== 0) receive(heap, words, granule * 8, mine);
      const sum = (field: keyof TradeResult): number => results.reduce((n, result) => n + result[field], 0);
      expect({ taken: sum('taken'), freed: sum('freed'), damaged: sum('damaged') }).toEqual({
        taken: threads * blocks,
        freed: threads * blocks,
        damaged: 0,
      });
      expectEmpty(heap);
    },
  );

  const ENOUGH_CHECKS = 20;
  const plans = {
    'small blocks': { blocks: 150_000, smallest: 0, largest: 5000 },
    'runs of pages': { blocks: 10_000, largest: 60_000, smallest: 16_385 },
  };
  test.each(Object.keys(plans) as (keyof typeof plans)[])(
    'check finds nothing while the others work on: %s',
    async (kind) => {
      const random = randomFor(`checks under load of ${kind}`);
      const heap = Heap.create(new SharedArrayBuffer(kind === 'small blocks' ? 4 * MIB : 32 * MIB));
      const shelves = sharedWords(500);
      const barrier = sharedWords(BARRIER_WORDS);
      const task = { handle: heap.handle, barrier, threads: 3, shelves };
      const problems: unknown[] = [];
      // on a busy machine the workers may be done after a few
      for (let checks = 0; checks < ENOUGH_CHECKS;) {
        const workers = [0, 1].map(() => {
          const plan: TradePlan = { seed: random.word(), ...plans[kind] };
          return runWorker('trader', { ...task, plan } satisfies TraderTask);
        });
        meet(barrier, 3);
        let running = true;
        const all = Promise.all(workers).finally(() => (running = false));
        while (running) {
          problems.push(...heap.checkReport().problems);
          checks++;
          await new Promise(setImmediate);
        }
        await all;
      }
      expect(problems.slice(0, 5)).toEqual([]);
    },
  );
});

describe('blocks that three threads free at the same moment', () => {
  const ROUNDS = 150;
  const THREADS = 3;

  test.each([
    ['in slabs that are exclusive when the frees begin', Sharing.exclusive, 400],
    ['in slabs that are shared', Sharing.shared, 400],
    ['runs of pages', undefined, 100],
  ])('%s: each is freed once, and can be had once', async (name, sharing, COUNT) => {
    const random = randomFor(name);
    const buffer = new SharedArrayBuffer(8 * MIB);
    const round: SharedRound = {
      buffer,
      id: sharedWords(2),
      barrier: sharedWords(BARRIER_WORDS),
      threads: THREADS,
      pointers: sharedWords(COUNT),
      wins: sharedWords(COUNT),
      arrivals: sharedWords(COUNT),
      atOnce: sharedWords(1),
    };
    const { id, barrier, pointers, wins, arrivals, atOnce } = round;
    const tasks = [1, 2].map((me): DoubleFreeTask => ({ round, rounds: ROUNDS, me }));
    const workers = Promise.all(tasks.map((task) => runWorker('double-freer', task)));
    const failures: string[] = [];
    let withCached = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const heap = Heap.create(buffer, { cacheBytes: random.pick([64, 1024, 4096]) });
      id.set(heap.handle.id);
      const malloc = (): void => {
        const sizes = Array.from({ length: COUNT }, () => {
          if (sharing === undefined) return random.between(16_385, random.pick([20_000, 60_000]));
          return random.size(random.chance(5) ? 30_000 : 16_384);
        });
        for (const [place, size] of sizes.entries()) pointers[place] = heap.malloc(size);
      };
      // a heap without a barrier makes a slab shared if it has several threads by then
      if (sharing !== Sharing.shared) malloc();
      meet(barrier, THREADS);
      meet(barrier, THREADS);
      if (sharing === Sharing.shared) malloc();
      const inner = new InnerHeap(heap);
      const isInSlab = (ptr: number): boolean => inner.pageMap.sizeClass(asPage(Math.floor(ptr / 4096))) >= 0;
      const ways = new Set([...pointers].filter(isInSlab).map((ptr) => inner.sharingOf(ptr)));
      if (sharing !== undefined && (ways.size !== 1 || !ways.has(sharing)))
        failures.push(`round ${i}: slabs are ${[...ways].join()}`);
      random.shuffle(pointers as unknown as number[]);
      wins.fill(0);
      arrivals.fill(0);
      atOnce[0] = i % 3 === 0 ? 1 : 0;
      meet(barrier, THREADS);
      failures.push(...freeWithOthers(heap, round, 0));
      meet(barrier, THREADS);
      const wrong = [...wins].filter((count) => count !== 1);
      if (wrong.length > 0) failures.push(`round ${i}: blocks were freed ${wrong.join()} times`);
      // the others may have been faster everywhere, and are leaving with what they have
      if (heap.stats().cached > 0) withCached++;
      const { result, problems } = heap.checkReport();
      if (result !== 1) failures.push(`round ${i}: ${problems[0].message}`);
      meet(barrier, THREADS);
      const all = heap.malloc(7 * MIB);
      if (all === 0 || heap.stats().liveBlocks !== 1) failures.push(`round ${i}: blocks are lost`);
    }
    expect(failures.slice(0, 5)).toEqual([]);
    expect((await workers).flat()).toEqual([]);
    expect(withCached).toBeGreaterThan(5);
  });
});

test('blocks in the caches of threads that sleep are had before there is none', async () => {
  const heap = Heap.create(new SharedArrayBuffer(MIB), { threads: 4 });
  const { capacity } = new InnerHeap(heap).cacheLayout;
  const cached = capacity[CLASS_SIZE.findIndex((size) => size >= 100)];
  const common = {
    handle: heap.handle,
    barrier: sharedWords(BARRIER_WORDS),
    threads: 4,
    words: sharedWords(2),
  };
  const tasks = [1, 2, 3].map((): SleeperTask => ({ ...common, pointers: sharedWords(cached) }));
  const workers = Promise.all(tasks.map((task) => runWorker('sleeper', task)));
  const { barrier, threads, words } = common;
  meet(barrier, threads);
  const all = exhaust(heap, 100);
  for (const { pointers } of tasks) pointers.set(all.splice(-cached));
  meet(barrier, threads);
  while (Atomics.load(words, 0) < tasks.length) await new Promise(setImmediate);
  const asleep = heap.stats().cached / heap.usableSize(all[0]);
  const again = exhaust(heap, 100);
  const result = heap.check();
  const kept = again.slice(cached);
  for (const ptr of again.slice(0, cached)) heap.free(ptr);
  Atomics.store(words, 1, 1);
  Atomics.notify(words, 1);
  const theirs = ((await workers) as number[][]).flat();
  expect([asleep, again.length, result]).toEqual([3 * cached, 3 * cached, 1]);
  expect(theirs.filter((ptr) => kept.includes(ptr) || all.includes(ptr))).toEqual([]);
  expect(theirs.length).toBeGreaterThanOrEqual(cached);
  for (const ptr of [...all, ...kept]) heap.free(ptr);
  expectEmpty(heap);
});

test('threads that are killed at any moment leave a sound heap, and take nothing but their blocks with them', async () => {
  const random = randomFor('killed threads');
  const census = new SharedCensus();
  const heap = Heap.create(new SharedArrayBuffer(8 * MIB), {
    host: census.hostOf(1),
    cacheBytes: 1024,
    threads: 6,
  });
  const kills = 40;
  let orphans = 0;
  const begin = (tid: number) => {
    const task: DoomedTask = {
      handle: heap.handle,
      census: census.buffer,
      tid,
      seed: random.word(),
      holdings: sharedWords(101),
    };
    return { tid, holdings: task.holdings, worker: startWorker('doomed', task) };
  };
  const running = [begin(2), begin(3)];
  for (let kill = 0; kill < kills; kill++) {
    running.push(begin(4 + kill));
    const { tid, holdings, worker } = running.shift()!;
    while (Atomics.load(holdings, 100) === 0) await new Promise(setImmediate);
    const pause = performance.now() + random.below(4);
    while (performance.now() < pause) heap.free(heap.malloc(random.size(30_000)));
    await worker.terminate();
    census.bury(tid);
    const start = performance.now();
    heap.free(heap.malloc(40_000));
    expect(performance.now() - start).toBeLessThan(1000);
    expect(heap.checkReport().problems).toEqual([]);
    for (const ptr of holdings.subarray(0, 100)) if (ptr !== 0) heap.free(ptr);
    orphans++; // the one block that it had in its hands and had not written down
  }
  for (const { tid, worker } of running) {
    await worker.terminate();
    census.bury(tid);
    orphans += 101;
  }
  expect(heap.malloc(heap.size)).toBe(0); // out of memory: looks after the dead
  expect(heap.checkReport().problems).toEqual([]);
  const { threads, liveBlocks } = heap.stats();
  expect(threads).toBe(1);
  expect(liveBlocks).toBeLessThanOrEqual(orphans);
});

describe('threads that come and go', () => {
  const hurry = (heap: Heap, seed: number, visited: Int32Array, visits: number, blocksPerVisit: number) => {
    return runWorker('visitor-in-a-hurry', {
      handle: heap.handle,
      seed,
      visits,
      blocksPerVisit,
      visited,
    } satisfies HurryTask);
  };

  test('leave nothing behind', async () => {
    const random = randomFor('visits');
    const heap = Heap.create(new SharedArrayBuffer(8 * MIB), { threads: 8 });
    const { pagesFree } = heap.stats();
    const results = Array.from({ length: 4 }, () => hurry(heap, random.word(), sharedWords(1), 400, 50));
    expect(await Promise.all(results)).toEqual(Array(4).fill('done'));
    expect(heap.malloc(heap.size)).toBe(0);
    expectEmpty(heap);
    expect(heap.stats().pagesFree).toBe(pagesFree);
  });

  test('find the heap closed, and nothing worse, when it is closed under them', async () => {
    const random = randomFor('closing');
    for (let round = 0; round < 5; round++) {
      const heap = Heap.create(new SharedArrayBuffer(8 * MIB), { threads: 8 });
      const visited = sharedWords(1);
      const blocks = round % 2 === 0 ? 200 : 20_000;
      const results = Array.from({ length: 3 }, () => hurry(heap, random.word(), visited, 1e9, blocks));
      while (Atomics.load(visited, 0) < 10) await new Promise(setImmediate);
      heap.close();
      expect(await Promise.all(results)).toEqual(['ECLOSED', 'ECLOSED', 'ECLOSED']);
    }
  });
});

test('a view of another thread’s message is as good as one made here', async () => {
  const heap = Heap.create(new SharedArrayBuffer(MIB));
  const view = heap.alloc(Float64Array, 10).fill(2.5);
  const worker = startWorker('view-freer', { handle: heap.handle, view });
  expect(await resultOf(worker)).toBe(25);
  expectEmpty(heap);
});
