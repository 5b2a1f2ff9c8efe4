// Copies of a heap at rest, and what becomes of them where all the threads that it names mean others.

import { Heap, type HeapHandle, type ThreadHost } from '@vmem-ts/allocator';
import { Slot, slotAt } from '#src/layout/region-layout';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { MortalThread } from '../support/mortal-thread';
import { Naps } from '../support/naps';
import { randomFor } from '../support/random';
import { Storage } from '../support/storage';
import { codeOf } from '../support/thrown';

const SIZE = 1 << 20;

/** What stands for the pages that were in use, in memory of another process. */
function copyOf(heap: Heap, inside: () => void = () => undefined): HeapHandle {
  const { buffer, byteOffset, size, id } = heap.handle;
  const copy = new SharedArrayBuffer(size);
  heap.atRest((rest) => {
    inside();
    for (const range of rest.used()) {
      const from = new Uint8Array(buffer, byteOffset + range.byteOffset, range.byteLength);
      new Uint8Array(copy, range.byteOffset, range.byteLength).set(from);
    }
  });
  return { buffer: copy, byteOffset: 0, size, id };
}

/** Another process, where any number is that of a living thread. */
const crowd = (tid: number): ThreadHost => ({ ...new FakeThreads().hostOf(tid), isAlive: () => true });

const allBlocks = (heap: Heap): string => JSON.stringify([...heap.blocks()]);

function fill(heap: Heap, seed: string): ModelHeap {
  const random = randomFor(seed);
  const model = new ModelHeap(heap);
  for (let i = 0; i < 400; i++) {
    if (random.below(3) > 0) model.malloc(random.below(10) === 0 ? random.below(60_000) : random.below(2000));
    else if (model.liveBlocks > 0) model.free(model.pointers[random.below(model.liveBlocks)]);
  }
  return model;
}

test('a copy has the same blocks with the same contents, and lives on by itself', () => {
  const heap = Heap.create(new SharedArrayBuffer(SIZE), { host: new FakeThreads().hostOf(1) });
  const other = Heap.attach(heap.handle, { host: new FakeThreads().hostOf(2) });
  const model = fill(heap, 'rest');
  other.free(other.malloc(100)); // leaves blocks in a cache
  const before = allBlocks(heap);
  const theirs = Heap.adopt(copyOf(heap), 'own', { host: crowd(1) });
  expect(allBlocks(theirs)).toBe(before);
  expect(theirs.checkReport().problems).toEqual([]);
  expect(theirs.stats().threads).toBe(1);
  expect(new Uint8Array(theirs.buffer, 8192).some((byte) => byte !== 0)).toBe(true);
  for (const ptr of model.pointers) theirs.free(ptr);
  expect(theirs.stats().liveBlocks).toBe(0);
  expect(theirs.check()).toBe(1);
  expect(allBlocks(heap)).toBe(before);
  model.verifyAll();
});

test('a thread that is anywhere in an operation is dead in the copy, whoever has its number there', () => {
  const acts: Readonly<Record<string, (heap: Heap) => unknown>> = {
    malloc: (heap) => heap.malloc(24),
    'malloc of pages': (heap) => heap.malloc(24_000),
    'a large malloc': (heap) => heap.malloc(150_000),
    free: (heap) => heap.free(heap.malloc(100)),
    mallocMany: (heap) => heap.mallocMany(48, 100, new Float64Array(100)),
    detach: (heap) => heap.detach(),
  };
  let deaths = 0;
  for (const [name, act] of Object.entries(acts)) {
    for (let at = 0, isDone = false; !isDone; at++) {
      const threads = new FakeThreads();
      const heap = Heap.create(new SharedArrayBuffer(SIZE), {
        threads: 4,
        cacheBytes: 64,
        host: threads.hostOf(1),
      });
      const model = new ModelHeap(heap);
      for (const size of [24, 24, 100, 3000, 16_384, 20_000]) model.malloc(size);
      const mortal = new MortalThread(threads.hostOf(2));
      let theirs!: Heap;
      mortal.run(() => (theirs = mortal.attach(heap.handle)));
      isDone = mortal.run(() => act(theirs), at);
      if (!isDone) threads.killSilently(2);
      const copy = new Naps().during(() => Heap.adopt(copyOf(heap), 'own', { host: crowd(2) }));
      const report = copy.checkReport();
      if (report.result !== 1) throw new Error(`${name}, write ${at}: ${JSON.stringify(report.problems)}`);
      const bytes = new Uint8Array(copy.buffer);
      for (const ptr of model.pointers) {
        expect(copy.contains(ptr)).toBe(true);
        expect(bytes.subarray(ptr, ptr + 8)).toEqual(model.memory.subarray(ptr, ptr + 8));
      }
      expect(copy.stats().threads).toBe(1);
      deaths++;
    }
  }
  expect(deaths).toBeGreaterThan(100);
});

test('the numbers of threads that the copy names are not asked about', () => {
  const threads = new FakeThreads();
  const heap = Heap.create(new SharedArrayBuffer(SIZE), { threads: 3, host: threads.hostOf(5) });
  Heap.attach(heap.handle, { host: threads.hostOf(6) });
  const asked: number[] = [];
  const host: ThreadHost = {
    ...crowd(5),
    isAlive: ({ tid }) => {
      asked.push(tid);
      return true;
    },
  };
  const copy = Heap.adopt(copyOf(heap), 'own', { host });
  const inner = new InnerHeap(copy);
  expect(asked).toEqual([]);
  const owners = [0, 1, 2].map((slot) => inner.i32[slotAt(slot) + Slot.owner]);
  expect(owners.sort()).toEqual([0, 0, 5]);
  expect(copy.check()).toBe(1);
});

test('what has storage is told range by range, as a mapping of the copy needs it', () => {
  const buffer = new SharedArrayBuffer(64 * SIZE);
  const storage = new Storage(buffer);
  const heap = Heap.create(buffer, { size: 2 * SIZE, source: storage, host: new FakeThreads().hostOf(1) });
  const large = heap.malloc(8 * SIZE);
  heap.malloc(100);
  heap.free(large);
  expect(heap.purge()).toBeGreaterThan(0);
  heap.free(heap.malloc(SIZE)); // pages that are free, and keep their storage
  const { stored, used } = heap.atRest((rest) => ({ stored: rest.stored(), used: rest.used() }));
  const pagesOf = (ranges: readonly { byteLength: number }[]): number =>
    ranges.reduce((sum, { byteLength }) => sum + byteLength / 4096, 0);
  expect(pagesOf(stored)).toBe(storage.pages);
  expect(pagesOf(used)).toBeLessThan(pagesOf(stored));
  // a child begins with nothing, and learns from each range where the next one is
  const copy = new SharedArrayBuffer(buffer.byteLength);
  const handle = { ...heap.handle, buffer: copy };
  const seen = [];
  const inUse = copyOf(heap).buffer;
  for (const range of Heap.storedRanges(handle)) {
    seen.push(range);
    const from = new Uint8Array(inUse, range.byteOffset, range.byteLength);
    new Uint8Array(copy, range.byteOffset, range.byteLength).set(from);
  }
  expect(seen).toEqual(stored);
  const theirs = Heap.adopt(handle, 'own', { source: new Storage(copy) });
  expect(theirs.check()).toBe(1);
  expect(allBlocks(theirs)).toBe(allBlocks(heap));
});

describe('a heap whose storage is frozen', () => {
  test('uses pages without storage like others, and gives none back', () => {
    const buffer = new SharedArrayBuffer(16 * SIZE);
    const storage = new Storage(buffer);
    const heap = Heap.create(buffer, { size: SIZE, source: storage, policy: 'conservative' });
    const { pages } = storage;
    heap.atRest((rest) => (rest.storage = 'frozen'));
    expect(heap.atRest((rest) => rest.storage)).toBe('frozen');
    storage.failure = new Error('the storage was asked');
    const model = new ModelHeap(heap);
    for (let i = 0; i < 6; i++) model.malloc(SIZE);
    expect(model.liveBlocks).toBe(6);
    model.calloc(1, SIZE);
    model.verifyAll();
    model.freeAll();
    expect(heap.purge()).toBe(0);
    expect(heap.check()).toBe(1);
    // what was written to pages that nobody had asked for is no secret of theirs
    const ptr = heap.calloc(1, 12 * SIZE);
    expect(ptr).toBeGreaterThan(0);
    expect(new Uint8Array(buffer, ptr, 12 * SIZE).every((byte) => byte === 0)).toBe(true);
    expect(storage.pages).toBe(pages);
  });

  test('does not believe that pages without storage are zero', () => {
    const buffer = new SharedArrayBuffer(16 * SIZE);
    const heap = Heap.create(buffer, { size: SIZE, source: new Storage(buffer) });
    heap.atRest((rest) => (rest.storage = 'frozen'));
    new Uint8Array(buffer).fill(7, 2 * SIZE); // a stray write
    const ptr = heap.calloc(1, 10 * SIZE);
    expect(new Uint8Array(buffer, ptr, 10 * SIZE).every((byte) => byte === 0)).toBe(true);
  });
});

describe('while a heap rests', () => {
  test('its own object can not be used, nor ended', () => {
    const heap = Heap.create(new SharedArrayBuffer(SIZE));
    const ptr = heap.malloc(24);
    copyOf(heap, () => {
      const calls = [
        () => heap.malloc(24),
        () => heap.free(ptr),
        () => heap.mallocMany(24, 10, []),
        () => heap.check(),
        () => heap.atRest(() => 0),
        () => heap.detach(),
        () => heap.close(),
      ];
      for (const call of calls) expect(codeOf(call)).toBe('EBUSY');
    });
    heap.free(ptr);
    expect(heap.mallocMany(24, 10, [])).toBe(10);
    expect(heap.check()).toBe(1);
    heap.detach();
  });

  test('an error ends the rest', () => {
    const heap = Heap.create(new SharedArrayBuffer(SIZE));
    expect(() =>
      copyOf(heap, () => {
        throw new Error('no copy');
      }),
    ).toThrow('no copy');
    heap.free(heap.malloc(24));
    expect(heap.check()).toBe(1);
  });
});

test('a copy is adopted with a state of its storage that it can have', () => {
  const heap = Heap.create(new SharedArrayBuffer(SIZE));
  expect(codeOf(() => Heap.adopt(copyOf(heap), 'frozen' as 'own'))).toBe('EINVAL');
});
