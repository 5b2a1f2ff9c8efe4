// A thread that dies at each write of an operation that changes which pages have storage.

import { Heap } from '@vmem-ts/allocator';
import { Backing, Extents, Slot, slotAt, tokenOf } from '#src/layout/region-layout';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { MortalThread } from '../support/mortal-thread';
import { Storage } from '../support/storage';

const MIB = 1 << 20;
const MAX_SIZE = 12 * MIB;
const SURVIVOR = 11;
const MORTAL = 22;
const MORTAL_SLOT = 1;

class Scene {
  readonly threads = new FakeThreads();
  readonly storage = new Storage(new SharedArrayBuffer(MAX_SIZE));
  readonly heap: Heap = Heap.create(this.storage.buffer, {
    size: MIB,
    policy: this.policy,
    cacheBytes: 64,
    threads: 2,
    source: this.storage,
    host: this.threads.hostOf(SURVIVOR),
  });
  readonly inner = new InnerHeap(this.heap);
  readonly model = new ModelHeap(this.heap);
  readonly mortal = new MortalThread(this.threads.hostOf(MORTAL), this.storage);
  theirs!: Heap;

  constructor(private readonly policy: 'default' | 'conservative' = 'default') {
    for (const size of [24, 3000, 16_384, 60_000]) this.model.malloc(size);
  }

  attachMortal(): void {
    this.mortal.run(() => (this.theirs = this.mortal.attach(this.heap.handle)));
  }

  /** What must be true as soon as the survivor has noticed the death. */
  expectRecovered(): void {
    const { heap, inner, model, storage } = this;
    expect(heap.stats().threads).toBe(1);
    expect(heap.checkReport().problems).toEqual([]);
    // as much as there can be: all of it has storage, and what the dead left half done is part of it
    const before = heap.stats().liveBlocks;
    const large = heap.malloc(6 * MIB);
    expect(large).toBeGreaterThan(0);
    expect(inner.i32[Backing.page]).toBe(0);
    expect(heap.checkReport().problems).toEqual([]);
    expect(storage.strayPages()).toEqual([]);
    expect(heap.stats().backed).toBe(storage.bytes);
    heap.free(large);
    expect(heap.stats().liveBlocks).toBe(before);
    for (const ptr of [...model.pointers]) model.free(ptr);
  }
}

/** Free extents of several lengths, one of them at the end of what has storage. */
function makeHoles({ model, heap }: Scene): void {
  const pointers = [100_000, 30_000, 300_000, 30_000, 200_000, 30_000].map((size) => model.malloc(size));
  for (const i of [0, 2, 4]) model.free(pointers[i]);
  heap.free(heap.malloc(500_000));
}

/** An operation of the dying thread, prepared by `prepare`, which returns it. */
const LAST_ACTS: [string, (scene: Scene) => () => void][] = [
  [
    'growth for a large block',
    ({ theirs }) =>
      () =>
        theirs.malloc(2 * MIB),
  ],
  [
    'growth for a small block',
    ({ model, theirs, storage }) => {
      storage.leave(0);
      while (model.malloc(5000) !== 0);
      storage.limit = Infinity;
      return () => theirs.malloc(5000);
    },
  ],
  [
    'growth that needs more page records',
    ({ theirs }) =>
      () =>
        theirs.malloc(2.5 * MIB),
  ],
  [
    'growth behind a block',
    ({ theirs, mortal }) => {
      let ptr = 0;
      mortal.run(() => (ptr = theirs.malloc(200_000)));
      return () => theirs.realloc(ptr, 2 * MIB);
    },
  ],
  [
    'growth on a disk that has room for the request alone',
    ({ theirs, storage }) => {
      storage.leave(550);
      return () => theirs.malloc(2 * MIB);
    },
  ],
  [
    'growth for an aligned block',
    ({ theirs }) =>
      () =>
        theirs.alignedAlloc(4 * MIB, MIB),
  ],
  ['a purge', (scene) => (makeHoles(scene), () => scene.theirs.purge())],
  [
    'a purge that the disk refuses',
    (scene) => {
      makeHoles(scene);
      scene.storage.canDrop = false;
      return () => scene.theirs.purge();
    },
  ],
  [
    'growth into what was given back',
    (scene) => {
      makeHoles(scene);
      scene.heap.purge();
      return () => scene.theirs.malloc(280_000);
    },
  ],
  [
    'growth over several unbacked extents and free ones between them',
    (scene) => {
      const pointers = Array.from({ length: 9 }, () => scene.model.malloc(100_000));
      for (const i of [1, 3, 5, 7]) scene.model.free(pointers[i]);
      scene.heap.purge();
      for (const i of [2, 4, 6]) scene.model.free(pointers[i]);
      scene.storage.leave(600);
      return () => scene.theirs.malloc(650_000);
    },
  ],
];

/** Of a heap whose policy is conservative. */
const CONSERVATIVE_ACTS: typeof LAST_ACTS = [
  [
    'a free that gives storage back',
    ({ theirs, mortal }) => {
      let ptr = 0;
      mortal.run(() => (ptr = theirs.malloc(500_000)));
      return () => theirs.free(ptr);
    },
  ],
  [
    'a realloc that gives storage back',
    ({ theirs, mortal }) => {
      let ptr = 0;
      mortal.run(() => (ptr = theirs.malloc(900_000)));
      return () => theirs.realloc(ptr, 200_000);
    },
  ],
];

/** With a death note or silently, in turn. */
function die({ threads }: Scene, fatal: number): void {
  if (fatal % 2 === 0) threads.kill(MORTAL);
  else threads.killSilently(MORTAL);
}

describe('a thread that dies', () => {
  test.each([
    ...LAST_ACTS.map((act) => [...act, 'default'] as const),
    ...CONSERVATIVE_ACTS.map((act) => [...act, 'conservative'] as const),
  ])('in %s', (_title, prepare, policy) => {
    let survived = false;
    let fatal = 0;
    for (; !survived; fatal++) {
      const scene = new Scene(policy);
      scene.attachMortal();
      const operation = prepare(scene);
      survived = scene.mortal.run(operation, fatal);
      die(scene, fatal);
      scene.storage.limit = Infinity;
      scene.storage.canDrop = true;
      // the survivor needs what the dead was about to make
      const start = performance.now();
      const ptr = scene.heap.malloc(3 * MIB);
      expect(ptr).toBeGreaterThan(0);
      expect(performance.now() - start).toBeLessThan(500);
      scene.heap.free(ptr);
      Heap.attach(scene.heap.handle, { host: scene.threads.hostOf(33), source: scene.storage }).detach();
      scene.expectRecovered();
    }
    expect(fatal).toBeGreaterThan(20);
  });

  test('while it attaches to a heap that has to grow for its cache', () => {
    let survived = false;
    for (let fatal = 0; !survived; fatal++) {
      const scene = new Scene();
      scene.storage.leave(0);
      for (const size of [100_000, 20_000]) while (scene.heap.malloc(size) !== 0);
      scene.storage.limit = Infinity;
      survived = scene.mortal.run(() => (scene.theirs = scene.mortal.attach(scene.heap.handle)), fatal);
      die(scene, fatal);
      Heap.attach(scene.heap.handle, { host: scene.threads.hostOf(33), source: scene.storage }).detach();
      scene.expectRecovered();
    }
  });
});

test('the locks of a dead thread that was growing delay nobody for more than 100 ms', () => {
  for (const locks of [[Backing.lock], [Backing.lock, Extents.lock]]) {
    const scene = new Scene();
    scene.attachMortal();
    const { i32 } = scene.inner;
    scene.threads.killSilently(MORTAL);
    const token = tokenOf(MORTAL_SLOT, i32[slotAt(MORTAL_SLOT) + Slot.generation]);
    for (const lock of locks) i32[lock] = token;
    const start = performance.now();
    expect(scene.heap.malloc(7 * MIB)).toBeGreaterThan(0);
    expect(performance.now() - start).toBeLessThan(100);
    scene.threads.kill(MORTAL);
  }
});

test('a repair keeps what has no storage apart', () => {
  const scene = new Scene();
  scene.attachMortal();
  const { i32 } = scene.inner;
  scene.threads.killSilently(MORTAL);
  i32[Extents.lock] = tokenOf(MORTAL_SLOT, i32[slotAt(MORTAL_SLOT) + Slot.generation]);
  i32.fill(-1, Extents.counters, Extents.unbacked + 1);
  Heap.attach(scene.heap.handle, { host: scene.threads.hostOf(33), source: scene.storage }).detach();
  scene.expectRecovered();
});
