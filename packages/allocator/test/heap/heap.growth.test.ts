// Heaps that begin small and get storage as they need it, against a disk of the test's own.

import { Heap, VmemError, type HeapOptions } from '@vmem-ts/allocator';
import { PageKind } from '#src/layout/page-map';
import { Backing } from '#src/layout/region-layout';
import { exhaust } from '../support/exhaust';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { randomFor, type Random } from '../support/random';
import { Storage } from '../support/storage';

const MIB = 1 << 20;
const PAGE = 4096;

interface Grown {
  readonly heap: Heap;
  readonly storage: Storage;
}

function growable(maxSize: number, size: number, options: HeapOptions = {}): Grown {
  const storage = new Storage(new SharedArrayBuffer(maxSize));
  if (size === maxSize) storage.back(0, size);
  return { storage, heap: Heap.create(storage.buffer, { size, source: storage, threads: 8, ...options }) };
}

function expectSound({ heap, storage }: Grown): void {
  expect(heap.checkReport().problems).toEqual([]);
  expect(storage.strayPages()).toEqual([]);
  const { size, backed, live, cached, slabFree, pagesFree, overhead } = heap.stats();
  expect(backed).toBe(storage.bytes);
  expect(backed).toBe(live + cached + slabFree + pagesFree + overhead);
  expect(size).toBe(storage.buffer.byteLength);
}

describe('a heap that grows', () => {
  test.each([
    [MIB, 256 * 1024],
    [8 * MIB, MIB],
    [64 * MIB, 14 * MIB],
    [256 * MIB, 256 * 1024],
    [256 * MIB, 256 * MIB - PAGE],
    [256 * MIB, 256 * MIB],
  ])('of at most %d bytes begins with %d', (maxSize, size) => {
    const grown = growable(maxSize, size);
    expectSound(grown);
    const { backed, pagesFree } = grown.heap.stats();
    expect(backed).toBeLessThanOrEqual(size);
    expect(backed).toBeGreaterThan(size - 4 * PAGE - size / 4096);
    if (size >= MIB) expect(pagesFree).toBeGreaterThan(0.6 * size);
  });

  test('gives all that it can be in blocks of any size, and then one large block again', () => {
    for (const size of [24, 1000, 20_000, 3 * MIB]) {
      const grown = growable(64 * MIB, MIB);
      const { heap } = grown;
      const pointers = exhaust(heap, size);
      const bytes = pointers.length * heap.usableSize(pointers[0]);
      expect({ size, enough: bytes > 0.85 * 64 * MIB }).toEqual({ size, enough: true });
      expectSound(grown);
      for (const ptr of pointers) heap.free(ptr);
      expectSound(grown);
      const whole = heap.malloc(Math.floor(0.97 * 63 * MIB));
      expect(whole).toBeGreaterThan(0);
      heap.free(whole);
    }
  });

  test('gives one block that is larger than all that it has', () => {
    const grown = growable(64 * MIB, MIB);
    const ptr = grown.heap.malloc(60 * MIB);
    expect(ptr).toBeGreaterThan(0);
    expectSound(grown);
    grown.heap.free(ptr);
    expectSound(grown);
  });

  test('grows by more than the request at a time', () => {
    const { heap, storage } = growable(256 * MIB, MIB);
    exhaust(heap, 100_000);
    const steps = storage.grants.length;
    expect(steps).toBeLessThan(100);
  });

  test('gives aligned blocks out of pages that it did not have', () => {
    const grown = growable(64 * MIB, MIB);
    for (const alignment of [2 * MIB, 16 * MIB, 8192, MIB]) {
      const ptr = grown.heap.alignedAlloc(alignment, 3 * MIB);
      expect([ptr > 0, ptr % alignment]).toEqual([true, 0]);
    }
    expectSound(grown);
  });

  test('serves an attaching thread that has no room for its cache', () => {
    const grown = growable(8 * MIB, MIB, { cacheBytes: 32_768 });
    const { heap, storage } = grown;
    storage.leave(0);
    exhaust(heap, 20_000);
    const before = storage.pages;
    storage.limit = Infinity;
    const other = Heap.attach(heap.handle, { source: storage });
    expect(storage.pages).toBeGreaterThan(before);
    other.detach();
    expectSound(grown);
  });

  test('does not grow in a thread that has no source', () => {
    const { heap } = growable(8 * MIB, MIB);
    const other = Heap.attach(heap.handle);
    expect(other.malloc(2 * MIB)).toBe(0);
    expect(heap.malloc(2 * MIB)).toBeGreaterThan(0);
  });

  test('wipes no more of the page map than there is when it is closed', () => {
    const { heap, storage } = growable(256 * MIB, MIB);
    heap.close();
    expect(storage.strayPages()).toEqual([]);
  });
});

describe('a full disk', () => {
  test('is memory out, and nothing is lost', () => {
    const grown = growable(64 * MIB, MIB);
    const { heap, storage } = grown;
    storage.leave(700); // less than a step
    const pointers = exhaust(heap, 50_000);
    expect(storage.pages).toBeGreaterThan(storage.limit - 30);
    expectSound(grown);
    expect(heap.malloc(20_000_000)).toBe(0);
    expect(heap.calloc(5, 4_000_000)).toBe(0);
    expect(heap.alignedAlloc(2 * MIB, MIB)).toBe(0);
    expect(() => heap.alloc(Uint8Array, 20_000_000)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    expectSound(grown);
    storage.limit = Infinity;
    expect(heap.malloc(20_000_000)).toBeGreaterThan(0);
    for (const ptr of pointers) heap.free(ptr);
    expectSound(grown);
  });

  test('at the start is the error of the source', () => {
    const storage = new Storage(new SharedArrayBuffer(8 * MIB));
    storage.limit = 100;
    expect(() => Heap.create(storage.buffer, { size: MIB, source: storage })).toThrow(
      expect.objectContaining({ code: 'ENOSPC' }),
    );
  });

  test('of another kind is an error, and the next attempt puts all right', () => {
    const grown = growable(64 * MIB, MIB);
    const { heap, storage } = grown;
    for (const failure of [
      new VmemError('EIO', 'the disk of the test is broken'),
      new RangeError('defect'),
    ]) {
      storage.failure = failure;
      expect(() => heap.malloc(6 * MIB)).toThrow(failure);
      expect(heap.checkReport().problems).toEqual([]);
      storage.failure = undefined;
      expect(heap.malloc(6 * MIB)).toBeGreaterThan(0);
      expectSound(grown);
    }
  });
});

test.each([
  ['a size without a source', { size: MIB }, /source/],
  ['a size below the least', { size: 1000, source: new Storage(new SharedArrayBuffer(PAGE)) }, /size/],
  ['a size above the region', { size: 9 * MIB, source: new Storage(new SharedArrayBuffer(PAGE)) }, /size/],
  ['a source that is none', { source: { back: () => undefined } }, /source/],
])('%s is refused', (_, options, message) => {
  const create = (): Heap => Heap.create(new SharedArrayBuffer(8 * MIB), options as HeapOptions);
  expect(create).toThrow(
    expect.objectContaining({ code: 'EINVAL', message: expect.stringMatching(message) as string }),
  );
});

function act(model: ModelHeap, random: Random): void {
  const size = random.chance(10) ? random.size(3 * MIB) : random.size(60_000);
  const kind = random.below(100);
  if (kind < 40) model.malloc(size);
  else if (kind < 50) model.calloc(1, size);
  else if (kind < 55) model.alignedAlloc(2 ** random.below(21), size);
  else if (model.liveBlocks === 0) return;
  else if (kind < 90) model.free(random.pick(model.pointers));
  else model.realloc(random.pick(model.pointers), size + 1);
}

test('random operations on a heap that grows, with a disk that is full at times, agree with a model', () => {
  const random = randomFor('growth');
  for (let round = 0; round < 6; round++) {
    const grown = growable(2 ** random.between(24, 27), 2 ** random.between(18, 22));
    const { heap, storage } = grown;
    const model = new ModelHeap(heap);
    const inner = new InnerHeap(heap);
    for (let step = 0; step < 4000; step++) {
      if (random.chance(1)) storage.leave(random.size(4000));
      if (random.chance(1)) storage.limit = Infinity;
      act(model, random);
      if (step % 500 === 0) {
        model.verifyAll();
        expectSound(grown);
      }
    }
    model.verifyAll();
    model.freeAll();
    expectSound(grown);
    storage.limit = Infinity;
    const all = heap.malloc(Math.floor(0.9 * heap.size));
    expect({ all: all > 0, kinds: inner.extents().map(({ kind }) => kind) }).toEqual({
      all: true,
      kinds: expect.arrayContaining([PageKind.large]) as PageKind[],
    });
    expect(inner.i32[Backing.page]).toBe(0);
    heap.free(all);
    expectSound(grown);
  }
});
