import { Heap, type ClassStats } from '@vmem-ts/allocator';
import { asPage } from '#src/base/units';
import { FREE, cachingSlot } from '#src/layout/block-state';
import { PageKind } from '#src/layout/page-map';
import { Bin, binAt } from '#src/layout/region-layout';
import { CLASS_COUNT, CLASS_SIZE, SLAB_SHAPES } from '#src/slab/size-classes';
import { BARRIER_WORDS, meet } from '../support/barrier';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { MortalThread } from '../support/mortal-thread';
import { randomFor } from '../support/random';
import type { TradePlan } from '../support/trade';
import { runWorker } from '../support/worker';
import type { TraderTask } from '../workers/trader';

const newHeap = (): Heap => Heap.create(new SharedArrayBuffer(4 << 20));
const classOf = (heap: Heap, size: number) => heap.stats().classes[CLASS_SIZE.indexOf(size)];

test('an empty heap has nothing live, and all its pages but its own are free', () => {
  const heap = newHeap();
  const inner = new InnerHeap(heap);
  const stats = heap.stats();
  const own = inner.region.firstDataPage + inner.pageMap.length(inner.cachePage(0));
  expect(stats).toMatchObject({
    size: 4 << 20,
    live: 0,
    liveBlocks: 0,
    cached: 0,
    slabFree: 0,
    pagesFree: (4 << 20) - own * 4096,
    overhead: own * 4096,
    threads: 1,
    large: { blocks: 0, bytes: 0 },
  });
  expect(stats.classes.map(({ size }) => size)).toEqual([...CLASS_SIZE]);
});

test('a block is counted where it is: live, cached or free', () => {
  const heap = newHeap();
  const { blocks } = SLAB_SHAPES[CLASS_SIZE.indexOf(64)];
  const ptr = heap.malloc(64);
  const { live, cached, free } = classOf(heap, 64);
  expect([live, cached + free]).toEqual([1, blocks - 1]);
  heap.free(ptr);
  expect(classOf(heap, 64)).toMatchObject({ live: 0, cached: cached + 1, free });
  Heap.attach(heap.handle).detach();
  heap.malloc(heap.size); // out of memory: all goes back
  expect(classOf(heap, 64)).toMatchObject({
    live: 0,
    cached: 0,
    free: 0,
    slabs: 0,
    slabsMade: 1,
    slabsReleased: 1,
  });
});

test('refills, flushes and slabs are counted', () => {
  const heap = newHeap();
  const pointers = Array.from({ length: 2000 }, () => heap.malloc(64));
  const filled = classOf(heap, 64);
  expect(filled.slabs).toBe(Math.ceil(2000 / SLAB_SHAPES[CLASS_SIZE.indexOf(64)].blocks));
  expect([filled.refills, filled.flushes]).toEqual([expect.any(Number), 0]);
  expect(filled.refills).toBeGreaterThan(10);
  for (const ptr of pointers) heap.free(ptr);
  const emptied = classOf(heap, 64);
  expect(emptied.flushes).toBeGreaterThan(10);
  expect(emptied.slabsMade - emptied.slabsReleased).toBe(emptied.slabs);
});

test('what is counted since the heap was created is right after 2^31 and 2^32 events', () => {
  const heap = newHeap();
  const { i32 } = new InnerHeap(heap);
  const sizeClass = CLASS_SIZE.indexOf(64);
  const at = binAt(sizeClass);
  const counters = [Bin.refills, Bin.flushes, Bin.slabsMade, Bin.slabsReleased];
  const counts = ({ refills, flushes, slabsMade, slabsReleased }: ClassStats): number[] => [
    refills,
    flushes,
    slabsMade,
    slabsReleased,
  ];
  for (const before of [2 ** 31 - 1, 2 ** 32 - 1, 7 * 2 ** 32 - 1, 2 ** 52 + 2 ** 31 - 1]) {
    for (const counter of counters) {
      i32[at + counter] = before;
      i32[at + counter + Bin.refillsHigh - Bin.refills] = Math.floor(before / 2 ** 32);
    }
    expect(counts(classOf(heap, 64))).toEqual([before, before, before, before]);
    const pointers = Array.from({ length: 3000 }, () => heap.malloc(64));
    for (const ptr of pointers) heap.free(ptr);
    heap.malloc(heap.size); // out of memory: all goes back
    const now = counts(classOf(heap, 64));
    const slabs = Math.ceil(3000 / SLAB_SHAPES[sizeClass].blocks);
    expect(now.slice(2)).toEqual([before + slabs, before + slabs]);
    for (const count of now.slice(0, 2)) {
      expect(count).toBeGreaterThan(before);
      expect(count).toBeLessThan(before + 1000);
    }
    expect(heap.check()).toBe(1);
  }
});

test('large blocks count whole pages', () => {
  const heap = newHeap();
  heap.malloc(20_000);
  heap.malloc(100_000);
  expect(heap.stats()).toMatchObject({
    large: { blocks: 2, bytes: 20_480 + 102_400 },
    live: 122_880,
    liveBlocks: 2,
  });
});

test('size is the sum of its parts, and overhead that of pages which hold no block', () => {
  const random = randomFor('stats');
  const model = new ModelHeap(newHeap());
  const { heap } = model;
  const inner = new InnerHeap(heap);
  for (let step = 0; step < 2000; step++) {
    if (random.chance(60)) model.malloc(random.size(30_000));
    else if (model.liveBlocks > 0) model.free(random.pick(model.pointers));
    if (step % 100 !== 0) continue;
    const { size, live, cached, slabFree, pagesFree, overhead, classes } = heap.stats();
    expect(live + cached + slabFree + pagesFree + overhead).toBe(size);
    let own = 0;
    for (const { page, kind, length } of inner.extents()) {
      if (kind === PageKind.reserved || kind === PageKind.cache || kind === PageKind.states)
        own += length * 4096;
      if (kind !== PageKind.slab) continue;
      const shape = SLAB_SHAPES[inner.pageMap.sizeClass(page)];
      own += length * 4096 - shape.blocks * shape.size;
    }
    expect(overhead).toBe(own);
    for (let i = 0; i < CLASS_COUNT; i++) {
      const { live: alive, cached: inCache, free, slabs } = classes[i];
      expect(alive + inCache + free).toBe(slabs * SLAB_SHAPES[i].blocks);
    }
  }
});

describe('a walk over the heap', () => {
  /** The same figures from what the page map, the states and the walk over live blocks say. */
  function recount(heap: Heap) {
    const inner = new InnerHeap(heap);
    const classes = SLAB_SHAPES.map(({ size }) => ({
      size,
      slabs: 0,
      bytes: 0,
      live: 0,
      cached: 0,
      free: 0,
    }));
    const large = { blocks: 0, bytes: 0 };
    const threads = new Map<number, { blocks: number; blockBytes: number; runs: number; runBytes: number }>();
    const thread = (slot: number) => {
      const known = threads.get(slot) ?? { blocks: 0, blockBytes: 0, runs: 0, runBytes: 0 };
      threads.set(slot, known);
      return known;
    };
    let [live, liveBlocks, pagesFree] = [0, 0, 0];
    for (const { ptr, size } of heap.blocks()) {
      live += size;
      liveBlocks++;
      const sizeClass = inner.pageMap.sizeClass(asPage(Math.floor(ptr / 4096)));
      if (sizeClass >= 0) classes[sizeClass].live++;
      else large.blocks++;
      if (sizeClass < 0) large.bytes += size;
    }
    for (const { page, kind, length } of inner.extents()) {
      if (kind === PageKind.free) pagesFree += length * 4096;
      if (kind === PageKind.cache) thread(inner.pageMap.cacheSlot(page));
      if (kind === PageKind.cached) {
        const its = thread((inner.pageMap.tag(page) >> 8) & 0xff);
        its.runs++;
        its.runBytes += length * 4096;
      }
      if (kind !== PageKind.slab) continue;
      const stats = classes[inner.pageMap.sizeClass(page)];
      stats.slabs++;
      stats.bytes += length * 4096;
      for (let i = 0; i < SLAB_SHAPES[inner.pageMap.sizeClass(page)].blocks; i++) {
        const state = inner.u8[inner.stateByte(page, i)];
        if (state === FREE) stats.free++;
        if (cachingSlot(state) < 0) continue;
        stats.cached++;
        thread(cachingSlot(state)).blocks++;
        thread(cachingSlot(state)).blockBytes += stats.size;
      }
    }
    const perThread = [...threads].map(([slot, figures]) => ({ slot, ...figures }));
    perThread.sort((a, b) => a.slot - b.slot);
    return { live, liveBlocks, pagesFree, classes, large, perThread };
  }

  function expectSame(heap: Heap): void {
    const stats = heap.stats();
    expect(stats).toMatchObject(recount(heap));
    const { live, cached, slabFree, pagesFree, overhead, size, classes, large, perThread } = stats;
    const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);
    expect(sum([live, cached, slabFree, pagesFree, overhead])).toBe(size);
    expect(sum(classes.map((c) => c.live * c.size)) + large.bytes).toBe(live);
    expect(sum(perThread.map((t) => t.blockBytes + t.runBytes))).toBe(cached);
    expect(sum(classes.map((c) => c.free * c.size))).toBe(slabFree);
    expect(sum(classes.map((c) => c.cached))).toBe(sum(perThread.map((t) => t.blocks)));
    expect(sum(perThread.map((t) => t.stackBytes))).toBeLessThan(overhead);
  }

  test('finds the figures of every class, every thread and the whole', () => {
    const random = randomFor('recount');
    const threads = new FakeThreads();
    const heap = Heap.create(new SharedArrayBuffer(4 << 20), { cacheBytes: 1024, host: threads.hostOf(1) });
    const heaps = [heap, ...[2, 3, 4].map((tid) => Heap.attach(heap.handle, { host: threads.hostOf(tid) }))];
    const live: number[] = [];
    for (let step = 0; step < 4000; step++) {
      const by = random.pick(heaps);
      if (random.chance(55)) live.push(by.malloc(random.size(random.chance(20) ? 130_000 : 3000)));
      else if (live.length > 0) by.free(live.splice(random.below(live.length), 1)[0]);
      if (step % 200 === 0) expectSame(heap);
    }
    expect(heap.stats().perThread.map((t) => [t.slot, t.isCaller, t.isAlive])).toEqual([
      [0, true, true],
      [1, false, true],
      [2, false, true],
      [3, false, true],
    ]);
    heaps.pop()!.detach();
    threads.killSilently(3);
    expectSame(heaps[1]);
    const [, second, third] = heaps[1].stats().perThread;
    expect([second.isCaller, third.isAlive, third.blocks > 0]).toEqual([true, false, true]);
    heap.malloc(heap.size); // looks after the dead
    expect(heap.stats().perThread).toHaveLength(2);
    expectSame(heap);
  });

  test('that died in the middle of a malloc or a free is counted with or without it', () => {
    for (const method of ['malloc', 'free', 'mallocMany', 'freeMany'] as const) {
      for (let fatal = 0, survived = false; !survived; fatal++) {
        const threads = new FakeThreads();
        const heap = Heap.create(new SharedArrayBuffer(1 << 20), { host: threads.hostOf(1) });
        const mortal = new MortalThread(threads.hostOf(2));
        const pointers = new Float64Array(9);
        let theirs!: Heap;
        mortal.run(() => {
          theirs = mortal.attach(heap.handle);
          theirs.mallocMany(64, 9, pointers);
          for (const ptr of pointers.subarray(3)) theirs.free(ptr);
        });
        survived = mortal.run(() => {
          if (method === 'malloc') theirs.malloc(64);
          else if (method === 'free') theirs.free(pointers[0]);
          else if (method === 'mallocMany') theirs.mallocMany(64, 5, pointers);
          else theirs.freeMany(pointers, 3);
        }, fatal);
        threads.killSilently(2);
        expectSame(heap);
      }
    }
  });
});

test('figures are those of one moment while other threads work', async () => {
  const heap = Heap.create(new SharedArrayBuffer(4 << 20), { cacheBytes: 256 });
  const random = randomFor('stats under load');
  const shelves = new Int32Array(new SharedArrayBuffer(4000));
  const barrier = new Int32Array(new SharedArrayBuffer(4 * BARRIER_WORDS));
  const plan: TradePlan = { seed: random.word(), blocks: 150_000, smallest: 0, largest: 10_000 };
  const worker = runWorker('trader', {
    handle: heap.handle,
    barrier,
    threads: 2,
    shelves,
    plan,
  } satisfies TraderTask);
  meet(barrier, 2);
  let running = true;
  void worker.finally(() => (running = false));
  const wrong: unknown[] = [];
  for (let looks = 0; running || looks < 20; looks++) {
    // gives empty slabs back meanwhile
    if (looks % 4 === 0) heap.malloc(heap.size);
    const { live, cached, slabFree, pagesFree, overhead, size, classes } = heap.stats();
    // what the ends of slabs waste is known; the rest are pages
    const ends = classes.reduce((n, c) => n + c.bytes - (c.live + c.cached + c.free) * c.size, 0);
    if (
      live + cached + slabFree + pagesFree + overhead !== size ||
      (overhead - ends) % 4096 !== 0 ||
      overhead < ends
    )
      wrong.push({ live, cached, slabFree, pagesFree, overhead });
    await new Promise(setImmediate);
  }
  await worker;
  expect(wrong).toEqual([]);
});
