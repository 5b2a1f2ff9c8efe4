// Runs of pages in thread caches: large blocks that were freed and wait for the next one of their length.

import { Heap, type HeapOptions } from '@vmem-ts/allocator';
import { asPage } from '#src/base/units';
import { PageKind } from '#src/layout/page-map';
import { LONGEST_RUN, SHORTEST_RUN } from '#src/layout/thread-cache-layout';
import { CLASS_SIZE, SLAB_SHAPES } from '#src/slab/size-classes';
import { exhaust } from '../support/exhaust';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { randomFor } from '../support/random';
import { codeOf } from '../support/thrown';

const MIB = 1 << 20;
const PAGE = 4096;
/** Bytes of a block that takes whole pages for itself. */
const RUN = 24_000;
const RUN_PAGES = 6;
/** Blocks in slabs of several pages, so that no block begins where some of the pages begin. */
const ACROSS_PAGES = CLASS_SIZE[SLAB_SHAPES.findIndex(({ pages, size }) => pages >= 4 && size % PAGE > 0)];
const LENGTHS = Array.from({ length: LONGEST_RUN - SHORTEST_RUN + 1 }, (_, i) => SHORTEST_RUN + i);
const newHeap = (size = 8 * MIB, options: HeapOptions = {}): Heap =>
  Heap.create(new SharedArrayBuffer(size), options);

function expectNothingLost(heap: Heap): void {
  expect(heap.malloc(heap.size)).toBe(0); // out of memory: all goes back
  expect(heap.checkReport().problems).toEqual([]);
  expect(heap.stats()).toMatchObject({ live: 0, liveBlocks: 0, cached: 0, slabFree: 0 });
}

describe('a block of 5 to 32 pages that is freed', () => {
  test.each(LENGTHS)('%p pages: waits for the next one of its length', (pages) => {
    const heap = newHeap();
    const before = heap.stats().pagesFree;
    const block = heap.malloc(pages * PAGE);
    const neighbour = heap.malloc(pages * PAGE);
    heap.free(block);
    expect(heap.stats()).toMatchObject({
      cached: pages * PAGE,
      live: pages * PAGE,
      liveBlocks: 1,
      large: { blocks: 1, bytes: pages * PAGE },
      pagesFree: before - 2 * pages * PAGE,
    });
    expect(heap.malloc((pages - 1) * PAGE)).not.toBe(block);
    expect(heap.malloc((pages + 1) * PAGE)).not.toBe(block);
    expect(heap.malloc(pages * PAGE - 4095)).toBe(block);
    expect(heap.usableSize(block)).toBe(pages * PAGE);
    expect(heap.checkReport().problems).toEqual([]);
    for (const ptr of [block, neighbour]) heap.free(ptr);
    expect(heap.malloc(pages * PAGE)).toBe(neighbour); // the youngest first
    expect(heap.stats().cached).toBeGreaterThanOrEqual(pages * PAGE);
  });

  test('is of no use to others: a shorter or longer block gives its pages back', () => {
    for (const pages of [SHORTEST_RUN - 1, LONGEST_RUN + 1, 100]) {
      const heap = newHeap();
      const { pagesFree } = heap.stats();
      heap.free(heap.alignedAlloc(8192, pages * PAGE)); // whole pages, however few
      expect(heap.stats()).toMatchObject({ cached: 0, pagesFree });
    }
  });

  test('comes from calloc as zeros, whatever stood there', () => {
    const heap = newHeap();
    const block = heap.malloc(RUN);
    new Uint8Array(heap.buffer, block, RUN).fill(0xee);
    heap.free(block);
    expect(heap.calloc(1, RUN)).toBe(block);
    expect(new Uint8Array(heap.buffer, block, RUN).some((byte) => byte !== 0)).toBe(false);
  });

  test('goes back when its thread detaches, and when memory is out', () => {
    const heap = newHeap();
    const { pagesFree } = heap.stats();
    const other = Heap.attach(heap.handle);
    for (const pages of LENGTHS) other.free(other.malloc(pages * PAGE));
    expect(heap.stats().cached).toBeGreaterThan(100 * PAGE);
    other.detach();
    expect(heap.stats()).toMatchObject({ cached: 0, pagesFree });
    for (const pages of LENGTHS) heap.free(heap.malloc(pages * PAGE));
    expect(heap.malloc(heap.size)).toBe(0);
    expect(heap.stats()).toMatchObject({ cached: 0, pagesFree });
  });
});

describe('a run in a cache', () => {
  /** A heap, another thread's view of it, and a block that `by` has freed. */
  const withFreed = (by: 'heap' | 'other'): { heap: Heap; other: Heap; block: number } => {
    const heap = newHeap();
    const other = Heap.attach(heap.handle);
    const block = heap.malloc(RUN);
    ({ heap, other })[by].free(block);
    expect(new InnerHeap(heap).pageMap.kind(asPage(block / PAGE))).toBe(PageKind.cached);
    return { heap, other, block };
  };
  const CALLS: [string, (heap: Heap, ptr: number) => unknown][] = [
    ['free', (heap, ptr) => heap.free(ptr)],
    ['free of a view', (heap, ptr) => heap.free(new Uint8Array(heap.buffer, ptr, 8))],
    ['usableSize', (heap, ptr) => heap.usableSize(ptr)],
    ['realloc in place', (heap, ptr) => heap.realloc(ptr, RUN)],
    ['realloc to less', (heap, ptr) => heap.realloc(ptr, RUN - PAGE)],
    ['realloc to more', (heap, ptr) => heap.realloc(ptr, 2 * RUN)],
    ['realloc to a small block', (heap, ptr) => heap.realloc(ptr, 100)],
    ['realloc to nothing', (heap, ptr) => heap.realloc(ptr, 0)],
    ['view', (heap, ptr) => heap.view(Uint8Array, ptr, 8)],
  ];

  describe.each(CALLS)('%s', (_, call) => {
    test.each(['heap', 'other'] as const)('is refused in every thread if %s has freed it', (by) => {
      const { heap, other, block } = withFreed(by);
      const before = heap.stats();
      for (const each of [heap, other]) {
        expect(codeOf(() => call(each, block))).toBe('EDOUBLEFREE');
        expect(codeOf(() => call(each, block + 8))).toBe('EBADPTR');
      }
      expect(heap.stats()).toEqual(before);
      expect(heap.checkReport().problems).toEqual([]);
      expect({ heap, other }[by].malloc(RUN)).toBe(block);
    });

    test('is refused when the pages are free, or another block begins before them', () => {
      const { heap, block } = withFreed('other');
      expect(heap.malloc(heap.size)).toBe(0); // the run goes back
      expect(codeOf(() => call(heap, block))).toBe('EDOUBLEFREE');
      const around = heap.malloc(heap.stats().pagesFree);
      expect(around).toBeGreaterThan(0);
      expect(around).toBeLessThan(block);
      expect(codeOf(() => call(heap, block))).toBe('EBADPTR');
      heap.free(around);
      const slabs = exhaust(heap, ACROSS_PAGES);
      const starts = new Set(slabs);
      const first = Math.floor(block / PAGE);
      const within = Array.from({ length: RUN_PAGES }, (__, i) => (first + i) * PAGE).filter(
        (ptr) => !starts.has(ptr),
      );
      expect(within.length).toBeGreaterThan(0);
      for (const ptr of within) expect(codeOf(() => call(heap, ptr))).toBe('EBADPTR');
      expect(heap.stats().liveBlocks).toBe(slabs.length);
      expect(heap.checkReport().problems).toEqual([]);
    });
  });

  test('is handed out once, however often it was freed', () => {
    const heap = newHeap();
    const other = Heap.attach(heap.handle);
    const blocks = Array.from({ length: 12 }, () => heap.malloc(RUN));
    for (const ptr of blocks) {
      const codes = [heap, other, heap, other].map((each) => codeOf(() => each.free(ptr)));
      expect(codes).toEqual(['no error but undefined', 'EDOUBLEFREE', 'EDOUBLEFREE', 'EDOUBLEFREE']);
    }
    const again = [...exhaust(heap, RUN), ...exhaust(other, RUN)];
    expect(new Set(again).size).toBe(again.length);
    for (const ptr of again) other.free(ptr);
    other.detach();
    expectNothingLost(heap);
  });
});

describe('a tag that says resizing though nobody has the lock', () => {
  test.each<[string, (heap: Heap, ptr: number) => unknown]>([
    ['free', (heap, ptr) => heap.free(ptr)],
    ['usableSize', (heap, ptr) => heap.usableSize(ptr)],
    ['realloc', (heap, ptr) => heap.realloc(ptr, 3 * RUN)],
  ])('%s waits for nobody, and says what is wrong', (_, call) => {
    const heap = newHeap();
    const block = heap.malloc(RUN);
    new InnerHeap(heap).pageMap.setTag(asPage(block / PAGE), PageKind.resizing, RUN_PAGES);
    expect(codeOf(() => call(heap, block))).toBe('ECORRUPT');
    expect(codeOf(() => call(heap, block + PAGE))).toBe('EBADPTR');
    expect(heap.checkReport().problems).toContainEqual(expect.objectContaining({ invariant: '[PAGE-1]' }));
  });
});

describe('what caches of runs may keep', () => {
  test.each([0.25, 1, 2, 8, 64])('a thread keeps an eighth of a heap of %p MiB, at most', (mebibytes) => {
    const random = randomFor(`an eighth of ${mebibytes} MiB`);
    const heap = newHeap(mebibytes * MIB, { cacheBytes: 64 });
    const most = heap.size / 8;
    let kept = 0;
    for (let round = 0; round < 30; round++) {
      const blocks: number[] = [];
      while (blocks.length < 400) {
        const ptr = heap.malloc(random.between(16_385, LONGEST_RUN * PAGE));
        if (ptr === 0) break;
        blocks.push(ptr);
      }
      for (const ptr of random.shuffle(blocks)) heap.free(ptr);
      const { cached } = heap.stats();
      kept = Math.max(kept, cached);
      expect(cached).toBeLessThanOrEqual(most);
      expect(heap.check()).toBe(1);
    }
    expect(kept).toBeGreaterThan(0.6 * Math.min(most, 10 * MIB)); // a stack of each length, full, has 26 MiB
    expectNothingLost(heap);
  });

  test('thirteen runs of one length, and the pages of all others go back', () => {
    const heap = newHeap(8 * MIB);
    const blocks = Array.from({ length: 20 }, () => heap.malloc(RUN));
    for (const ptr of blocks) heap.free(ptr);
    expect(heap.stats().cached).toBe(13 * RUN_PAGES * PAGE);
    expect(heap.check()).toBe(1);
  });

  test('nothing more while less than an eighth of the heap is free', () => {
    const heap = newHeap(2 * MIB);
    const blocks = exhaust(heap, RUN);
    const { pagesFree } = heap.stats();
    for (const ptr of blocks) {
      const before = heap.stats();
      heap.free(ptr);
      const after = heap.stats();
      // an eighth of the pages that are not taken by the heap's tables
      if (before.pagesFree < 0.9 * (heap.size / 8)) {
        expect(after).toMatchObject({ cached: 0, pagesFree: before.pagesFree + RUN_PAGES * PAGE });
      }
    }
    expect(pagesFree).toBeLessThan(heap.size / 8);
    expect(heap.stats().cached).toBeGreaterThan(0);
  });

  test.each([1, 4, 64])(
    'an emptied heap of %p MiB gives one block of 97 %% of what it gave at first',
    (mebibytes) => {
      const random = randomFor(`emptied ${mebibytes} MiB`);
      const heap = newHeap(mebibytes * MIB);
      const { pagesFree } = heap.stats();
      const most = Math.floor(0.97 * pagesFree);
      const others = Array.from({ length: 3 }, () => Heap.attach(heap.handle));
      const heaps = [heap, ...others];
      for (let round = 0; round < 5; round++) {
        const blocks: number[] = [];
        for (let bytes = 0; bytes < 0.7 * pagesFree;) {
          const size = random.chance(70) ? random.between(16_385, 140_000) : random.size(16_384);
          const ptr = random.pick(heaps).malloc(size);
          if (ptr === 0) break;
          blocks.push(ptr);
          bytes += size;
        }
        for (const ptr of random.shuffle(blocks)) random.pick(heaps).free(ptr);
      }
      expect(heap.stats().cached).toBeGreaterThan(0);
      for (const other of others) other.detach();
      for (let round = 0; round < 3; round++) {
        const all = heap.malloc(most);
        expect(all).toBeGreaterThan(0);
        heap.free(all);
        for (const pages of LENGTHS) heap.free(heap.malloc(pages * PAGE));
      }
      expectNothingLost(heap);
      expect(heap.stats().pagesFree).toBe(pagesFree);
    },
  );

  test('however many threads keep runs, another one has memory before it hears that there is none', () => {
    const THREADS = 20;
    const heap = newHeap(8 * MIB, { threads: THREADS + 2 });
    const others = Array.from({ length: THREADS }, () => Heap.attach(heap.handle));
    const { pagesFree } = heap.stats();
    const keep = (): void => {
      for (const other of others) for (const pages of LENGTHS) other.free(other.malloc(pages * PAGE));
      const { cached, pagesFree: left } = heap.stats();
      expect(cached).toBeGreaterThan(6 * MIB);
      expect(left).toBeLessThan(heap.size / 8 + LONGEST_RUN * PAGE);
    };
    keep();
    const all = heap.malloc(Math.floor(0.97 * pagesFree));
    expect(all).toBeGreaterThan(0);
    heap.free(all);
    for (const size of [RUN, 100_000, 16_384, 1000]) {
      keep();
      const blocks = exhaust(heap, size);
      expect(blocks.length * heap.usableSize(blocks[0])).toBeGreaterThan(0.95 * pagesFree - MIB / 4);
      for (const ptr of blocks) heap.free(ptr);
      expect(heap.malloc(heap.size)).toBe(0);
    }
    keep();
    const one = exhaust(others[0], LONGEST_RUN * PAGE);
    expect(one.length).toBeGreaterThan(0.8 * (pagesFree / (LONGEST_RUN * PAGE)));
    for (const ptr of one) heap.free(ptr);
    for (const other of others) other.detach();
    expectNothingLost(heap);
  });

  test('a thread that attaches has its cache out of the runs of the others', () => {
    const heap = newHeap(MIB);
    const blocks = LENGTHS.slice(0, 3).map((pages) => heap.malloc(pages * PAGE));
    for (const ptr of blocks) heap.free(ptr);
    const kept = heap.stats().cached;
    const rest = heap.stats().pagesFree;
    expect(kept).toBeGreaterThan(0);
    expect(heap.malloc(rest)).toBeGreaterThan(0);
    expect(heap.stats()).toMatchObject({ cached: kept, pagesFree: 0 });
    const other = Heap.attach(heap.handle);
    expect(heap.stats()).toMatchObject({ cached: 0, threads: 2 });
    other.detach();
    expect(heap.check()).toBe(1);
  });
});

test('blocks of 16 to 128 KiB in several heap objects agree with a model', () => {
  const random = randomFor('runs of several');
  const heap = newHeap(6 * MIB, { threads: 5 });
  const model = new ModelHeap(heap);
  const others: Heap[] = [];
  let mostCached = 0;
  for (let step = 0; step < 12_000; step++) {
    if (step % 100 === 0) {
      if (others.length < 4 && model.liveBytes < 4 * MIB) others.push(Heap.attach(heap.handle));
      else others.splice(random.below(others.length), 1)[0]?.detach();
    }
    const by = random.pick([heap, ...others]);
    const filling = Math.floor(step / 1500) % 2 === 0;
    const size = random.chance(80) ? random.between(16_385, 131_072) : random.size(20_000);
    if (random.chance(filling ? 60 : 35)) model.malloc(size, by);
    else if (model.liveBlocks > 0) {
      const ptr = random.pick(model.pointers);
      if (random.chance(20)) model.realloc(ptr, size, by);
      else model.free(ptr, by);
    }
    if (step % 500 === 0) {
      model.verifyAll();
      mostCached = Math.max(mostCached, heap.stats().cached);
    }
  }
  expect(mostCached).toBeGreaterThan(MIB / 4);
  model.freeAll();
  for (const other of others) other.detach();
  model.verifyAll();
  expectNothingLost(heap);
});
