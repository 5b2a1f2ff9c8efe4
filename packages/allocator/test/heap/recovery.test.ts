// What the living do for the dead, in single cases. Deaths at every write of every operation are played in `deaths`.

import { Heap, type ThreadHost } from '@vmem-ts/allocator';
import { asPage } from '#src/base/units';
import { cachingSlot } from '#src/layout/block-state';
import { PageKind, cachedRunTag } from '#src/layout/page-map';
import {
  Bin,
  Calls,
  Extents,
  Slot,
  SlotOwner,
  binAt,
  slotAt,
  slotOfToken,
  tokenOf,
} from '#src/layout/region-layout';
import { CLASS_COUNT, CLASS_SIZE, SLAB_SHAPES } from '#src/slab/size-classes';
import { FastSections } from '#src/sync/fast-sections';
import { Naps } from '../support/naps';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { MortalThread } from '../support/mortal-thread';

const SIZE = 512 * 1024;
/** So small that most stacks hold two blocks, and slow paths are near. */
const CACHE_BYTES = 64;
const SURVIVOR = 11;
const MORTAL = 22;
const GUEST = 44;
const MORTAL_SLOT = 1;
/** For FakeThreads another thread than the one that has the id now. */
const STARTED_BEFORE = 1;
// eslint-disable-next-line no-control-regex
const ANSI_COLOURS = /\u001b\[\d+m/g;

/** A heap that one thread keeps and another dies in. */
class Scene {
  readonly threads: FakeThreads;
  readonly heap: Heap;
  readonly inner: InnerHeap;
  /** Blocks that nobody touches. */
  readonly model: ModelHeap;
  readonly mortal: MortalThread;
  theirs!: Heap;

  constructor(mortalStarted?: number) {
    this.threads = new FakeThreads();
    this.heap = Heap.create(new SharedArrayBuffer(SIZE), {
      cacheBytes: CACHE_BYTES,
      threads: 4,
      host: this.threads.hostOf(SURVIVOR),
    });
    this.inner = new InnerHeap(this.heap);
    this.model = new ModelHeap(this.heap);
    this.mortal = new MortalThread(this.threads.hostOf(MORTAL, mortalStarted));
    for (const size of [24, 24, 100, 3000, 16_384, 20_000]) this.model.malloc(size);
  }

  attachMortal(): void {
    this.mortal.run(() => (this.theirs = this.mortal.attach(this.heap.handle)));
  }

  /** What must be true as soon as the survivors have noticed the death. `orphans`: blocks in flight. */
  expectRecovered(orphans: number): void {
    const { heap, inner, model } = this;
    expect(heap.checkReport().problems).toEqual([]);
    const stats = heap.stats();
    expect(stats.threads).toBe(1);
    expect(stats.liveBlocks).toBeGreaterThanOrEqual(model.liveBlocks);
    expect(stats.liveBlocks).toBeLessThanOrEqual(model.liveBlocks + orphans);
    const kinds = inner.extents().map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === PageKind.cache)).toHaveLength(1);
    expect(kinds).not.toContain(PageKind.pending);
    expect(kinds).not.toContain(PageKind.resizing);
    for (let slot = 1; slot < 4; slot++) {
      expect([inner.i32[slotAt(slot) + Slot.owner], inner.cachePage(slot) as number]).toEqual([0, 0]);
    }
    expectNothingCachedBy(inner, MORTAL_SLOT);
    if (stats.liveBlocks === model.liveBlocks) {
      model.freeAll();
      model.verifyAll();
    }
  }
}

function expectNothingCachedBy(inner: InnerHeap, slot: number): void {
  for (const { page, kind, length } of inner.extents()) {
    if (kind === PageKind.cached) expect(inner.pageMap.tag(page)).not.toBe(cachedRunTag(slot, length));
    if (kind !== PageKind.slab) continue;
    const start = inner.stateByte(page);
    const { blocks } = SLAB_SHAPES[inner.pageMap.sizeClass(page)];
    const states = inner.u8.subarray(start, start + blocks);
    expect(states.some((state) => cachingSlot(state) === slot)).toBe(false);
  }
}

/** Leaves runs of so many pages in the cache of a heap object. */
function keepRuns({ heap }: Scene, by: Heap, pages: readonly number[]): void {
  const pointers = pages.map((count) => by.malloc(count * 4096));
  const { cached } = heap.stats();
  for (const ptr of pointers) by.free(ptr);
  const bytes = pages.reduce((sum, count) => sum + count * 4096, 0);
  expect(heap.stats().cached - cached).toBe(bytes);
}

/** The survivors look after the dead when memory runs out, at the latest. */
const lookAfterTheDead = ({ heap }: Scene): void => {
  expect(heap.malloc(SIZE)).toBe(0);
};

/** Plays a scene for a death at each write of an operation. */
function dieEverywhere(play: (fatal: number) => boolean): void {
  const failures: string[] = [];
  for (let fatal = 0; failures.length < 5; fatal++) {
    if (fatal > 20_000) throw new Error('the operation has no end');
    try {
      if (play(fatal)) break;
    } catch (error) {
      failures.push(`write ${fatal}: ${(error as Error).message.replace(ANSI_COLOURS, '')}`);
    }
  }
  expect(failures).toEqual([]);
}

/** Whom the survivors wait for is dead: that they sleep meanwhile takes time alone. */
function withoutSleep(): void {
  let spy: jest.SpyInstance;
  beforeEach(() => (spy = jest.spyOn(Atomics, 'wait').mockReturnValue('timed-out')));
  afterEach(() => spy.mockRestore());
}

/** Plays what follows on a death at each write of some fast sections. */
function dieInFastSections(newScene: () => Scene, follow: (scene: Scene, theirBlock: number) => void): void {
  let inside = 0;
  for (const [operation, size] of [
    ['malloc', 100],
    ['free', 100],
    ['malloc', 24_000],
    ['free', 24_000],
  ] as const) {
    dieEverywhere((fatal) => {
      const scene = newScene();
      scene.attachMortal();
      let [theirBlock, warm] = [0, 0];
      scene.mortal.run(() => {
        theirBlock = scene.theirs.malloc(3000);
        warm = scene.theirs.malloc(size);
        if (operation === 'malloc') scene.theirs.free(warm);
      });
      const survived = scene.mortal.run(
        () => (operation === 'malloc' ? scene.theirs.malloc(size) : scene.theirs.free(warm)),
        fatal,
      );
      inside += scene.inner.i32[slotAt(MORTAL_SLOT) + Slot.busy];
      follow(scene, theirBlock);
      return survived;
    });
  }
  expect(inside).toBeGreaterThan(10);
}

describe('a thread that died silently in the middle of its fast sections', () => {
  withoutSleep();

  const SURVIVORS: [string, (scene: Scene, theirBlock: number) => void][] = [
    ['checks', ({ heap }) => expect(heap.checkReport().problems).toEqual([])],
    ['asks for statistics', ({ heap }) => expect(heap.stats().size).toBe(SIZE)],
    ['frees a block of the dead', ({ heap }, ptr) => heap.free(ptr)],
    [
      'gives slabs back',
      ({ heap }) => Array.from({ length: 8 }, () => heap.malloc(10_000)).forEach((ptr) => heap.free(ptr)),
    ],
    ['finds no memory', ({ heap }) => expect(heap.malloc(SIZE)).toBe(0)],
    [
      'attaches once more',
      ({ heap, threads }) => Heap.attach(heap.handle, { host: threads.hostOf(GUEST) }).detach(),
    ],
  ];

  test.each(SURVIVORS)('is not waited for by one that %s', (_, survive) => {
    dieInFastSections(
      () => new Scene(),
      (scene, theirBlock) => {
        scene.threads.killSilently(MORTAL);
        survive(scene, theirBlock);
        lookAfterTheDead(scene);
        scene.expectRecovered(2);
      },
    );
  });

  test.each(SURVIVORS)('and whose id a later thread has is not believed by one that %s', (_, survive) => {
    dieInFastSections(
      () => new Scene(STARTED_BEFORE),
      (scene, theirBlock) => {
        survive(scene, theirBlock);
        lookAfterTheDead(scene);
        expect(scene.heap.checkReport().problems).toEqual([]);
        // one block that it was about to free, and its slot until that is needed
        expect(scene.heap.stats().cached).toBeLessThanOrEqual(6 * 4096);
        const guests = [GUEST, GUEST + 1, GUEST + 2].map((tid) =>
          Heap.attach(scene.heap.handle, { host: scene.threads.hostOf(tid) }),
        );
        for (const guest of guests) guest.detach();
        scene.expectRecovered(2);
      },
    );
  });

  test('does not keep the heap from being closed', () => {
    const scene = new Scene();
    scene.attachMortal();
    scene.threads.killSilently(MORTAL);
    scene.inner.i32[slotAt(MORTAL_SLOT) + Slot.busy] = 1;
    expect(scene.heap.close()).toBe(true);
  });
});

describe('a thread that died silently in the middle of a realloc in place', () => {
  withoutSleep();

  const SURVIVORS: [string, (heap: Heap, ptr: number) => void][] = [
    ['asks for its size', (heap, ptr) => expect([32_768, 61_440]).toContain(heap.usableSize(ptr))],
    ['frees it', (heap, ptr) => heap.free(ptr)],
    ['makes it longer', (heap, ptr) => expect(heap.realloc(ptr, 65_536)).not.toBe(0)],
    ['makes it shorter', (heap, ptr) => expect(heap.realloc(ptr, 20_000)).toBe(ptr)],
    ['moves it', (heap, ptr) => expect(heap.realloc(ptr, 100)).not.toBe(0)],
    ['checks', (heap) => expect(heap.checkReport().problems).toEqual([])],
    ['takes another', (heap) => expect(heap.malloc(24_000)).not.toBe(0)],
  ];

  describe.each([
    ['grew', 30_000, 60_000],
    ['shrank', 60_000, 30_000],
  ])('of a block that %s', (_, from, to) => {
    test.each(SURVIVORS)('leaves it to one that %s', (__, survive) => {
      let resizing = 0;
      dieEverywhere((fatal) => {
        const scene = new Scene();
        scene.attachMortal();
        let ptr = 0;
        scene.mortal.run(() => {
          ptr = scene.theirs.malloc(90_000);
          expect(scene.theirs.realloc(ptr, from)).toBe(ptr);
        });
        const survived = scene.mortal.run(() => scene.theirs.realloc(ptr, to), fatal);
        scene.threads.killSilently(MORTAL);
        const { pageMap } = scene.inner;
        if (pageMap.kind(asPage(ptr / 4096)) === PageKind.resizing) resizing++;
        survive(scene.heap, ptr);
        lookAfterTheDead(scene);
        scene.expectRecovered(2);
        return survived;
      });
      expect(resizing).toBeGreaterThan(5);
    });
  });
});

describe('recovery', () => {
  function sceneWithDead(die: (scene: Scene) => void): Scene {
    const scene = new Scene();
    scene.attachMortal();
    scene.mortal.run(() => {
      for (const size of [24, 100, 3000, 20_000, 24_000]) scene.theirs.free(scene.theirs.malloc(size));
    });
    die(scene);
    return scene;
  }

  test('begins at the next slow path after a death note', () => {
    const scene = sceneWithDead(({ threads }) => threads.kill(MORTAL));
    expect(scene.heap.stats()).toMatchObject({ threads: 1 });
    scene.expectRecovered(0);
  });

  test('begins at the next attach after a silent death', () => {
    const scene = sceneWithDead(({ threads }) => threads.killSilently(MORTAL));
    Heap.attach(scene.heap.handle, { host: scene.threads.hostOf(44) }).detach();
    scene.expectRecovered(0);
  });

  test('asks of each other thread but one quick question, when one attaches and when memory is out', () => {
    const threads = new FakeThreads();
    const asked: object[] = [];
    const askingHostOf = (tid: number): ThreadHost => {
      const host = threads.hostOf(tid);
      const isAlive: ThreadHost['isAlive'] = (thread) => {
        asked.push(thread);
        return host.isAlive(thread);
      };
      return { ...host, isAlive };
    };
    const heap = Heap.create(new SharedArrayBuffer(4 * 2 ** 20), { host: askingHostOf(1), cacheBytes: 4096 });
    for (let tid = 2; tid <= 20; tid++) Heap.attach(heap.handle, { host: threads.hostOf(tid) });
    const others = Array.from({ length: 19 }, (_, i) => ({ tid: i + 2 }));
    expect(heap.malloc(heap.size - 4096)).toBe(0);
    expect(asked).toEqual(others);
    asked.length = 0;
    Heap.attach(heap.handle, { host: askingHostOf(21) }).detach();
    expect(asked).toEqual([{ tid: 1 }, ...others]);
  });

  test('of one whose id a later thread has waits until its slot is needed', () => {
    const threads = new FakeThreads();
    const heap = Heap.create(new SharedArrayBuffer(4 * 2 ** 20), { host: threads.hostOf(11), threads: 2 });
    Heap.attach(heap.handle, { host: threads.hostOf(22, STARTED_BEFORE) });
    expect(heap.malloc(heap.size - 4096)).toBe(0);
    expect(heap.stats().perThread).toHaveLength(2);
    Heap.attach(heap.handle, { host: threads.hostOf(33) }).detach();
    expect(heap.stats().perThread).toHaveLength(1);
    expect(heap.checkReport().problems).toEqual([]);
  });

  test('blocks that the dead had live on and can be freed', () => {
    const scene = new Scene();
    scene.attachMortal();
    let ptr = 0;
    scene.mortal.run(() => (ptr = scene.theirs.malloc(500)));
    scene.threads.kill(MORTAL);
    lookAfterTheDead(scene);
    expect(scene.heap.usableSize(ptr)).toBe(512);
    scene.heap.free(ptr);
    scene.expectRecovered(0);
  });

  test('a lock of the dead delays nobody for more than some naps of 1 ms', () => {
    for (const lock of [
      Extents.lock,
      ...[24, 100].map((size) => binAt(CLASS_SIZE.indexOf(size)) + Bin.lock),
      Calls.standstill,
      slotAt(0) + Slot.gate,
      slotAt(MORTAL_SLOT) + Slot.gate,
    ]) {
      const scene = sceneWithDead(({ threads }) => threads.killSilently(MORTAL));
      scene.inner.i32[lock] = tokenOf(MORTAL_SLOT, scene.inner.i32[slotAt(MORTAL_SLOT) + Slot.generation]);
      scene.inner.i32[slotAt(MORTAL_SLOT) + Slot.busy] = 1;
      const naps = new Naps();
      const sizes = [24, 24, 24, 100, 100, 100, 30_000];
      const pointers = naps.during(() => sizes.map((size) => scene.heap.malloc(size)));
      expect(naps.total).toBeLessThan(10);
      for (const ptr of pointers) scene.heap.free(ptr);
      lookAfterTheDead(scene);
      scene.expectRecovered(0);
    }
  });

  test('half-done lists and counters of a dead owner are rebuilt', () => {
    const scene = sceneWithDead(({ threads }) => threads.killSilently(MORTAL));
    const { i32 } = scene.inner;
    keepRuns(scene, scene.heap, [6]);
    const token = tokenOf(MORTAL_SLOT, i32[slotAt(MORTAL_SLOT) + Slot.generation]);
    i32[Extents.lock] = token;
    i32.fill(-1, Extents.counters, Extents.cachePages + 1);
    i32.fill(-1, Extents.acrossLow, Extents.end);
    for (let i = 0; i < CLASS_COUNT; i++) {
      i32[binAt(i) + Bin.lock] = token;
      i32[binAt(i) + Bin.slabs] = 77;
      i32[binAt(i) + Bin.slabCount] = -5;
      i32[binAt(i) + Bin.freeBlocks] = 123;
      i32[binAt(i) + Bin.emptySlabs] = 88;
      i32[binAt(i) + Bin.emptyCount] = -1;
    }
    for (const slot of [0, MORTAL_SLOT]) {
      i32[slotAt(slot) + Slot.gate] = token;
      for (let i = 0; i < scene.inner.cacheLayout.stack.length; i++) i32[scene.inner.topWord(slot, i)] = -1;
      i32[scene.inner.runPagesWord(slot)] = -7;
    }
    lookAfterTheDead(scene);
    scene.expectRecovered(0);
  });

  test('without a host nobody is ever taken for dead', () => {
    const heap = Heap.create(new SharedArrayBuffer(SIZE), { threads: 2 });
    Heap.attach(heap.handle);
    expect(heap.malloc(SIZE)).toBe(0);
    expect(() => Heap.attach(heap.handle)).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
    expect(heap.stats().threads).toBe(2);
  });

  test('a slot that a dead thread was clearing for another dead one is not lost', () => {
    const threads = new FakeThreads();
    const heap = Heap.create(new SharedArrayBuffer(SIZE), { threads: 3, host: threads.hostOf(SURVIVOR) });
    const inner = new InnerHeap(heap);
    for (const tid of [22, 33]) {
      const theirs = Heap.attach(heap.handle, { host: threads.hostOf(tid) });
      theirs.free(theirs.malloc(100));
    }
    const reaper = tokenOf(1, inner.i32[slotAt(1) + Slot.generation]);
    inner.i32[slotAt(2) + Slot.owner] = -reaper;
    inner.i32[slotAt(1) + Slot.owner] = SlotOwner.dead;
    const next = Heap.attach(heap.handle, { host: threads.hostOf(44) });
    expect(heap.checkReport().problems).toEqual([]);
    expect(heap.stats().threads).toBe(2);
    Heap.attach(heap.handle, { host: threads.hostOf(55) }).detach();
    next.detach();
  });
});

test('before repair waits for the sections of others, no page of an unfinished slab has a class', () => {
  let unfinished = 0;
  const left: number[] = [];
  for (let fatal = 0, survived = false; !survived; fatal++) {
    const scene = new Scene();
    const { inner, heap, theirs, mortal } = withEmptySlabs(scene);
    survived = mortal.run(() => theirs.malloc(SIZE), fatal);
    scene.threads.killSilently(MORTAL);
    const { pageMap } = inner;
    for (const { page, kind, length } of inner.extents()) {
      const isUnfinished = kind === PageKind.slab && pageMap.sizeClass(page) < 0;
      if (isUnfinished && length > 1 && pageMap.sizeClass(asPage(page + 1)) >= 0) unfinished++;
    }
    const { awaitOthers } = FastSections.prototype;
    const wait = jest.spyOn(FastSections.prototype, 'awaitOthers').mockImplementation(function (
      this: FastSections,
    ) {
      const isRepair = inner.i32[Extents.lock] > 0 && slotOfToken(inner.i32[Extents.lock]) === 0;
      for (const { page, kind, length } of isRepair ? inner.extents() : []) {
        if (kind !== PageKind.slab || pageMap.sizeClass(page) >= 0) continue;
        for (let i = 0; i < length; i++) if (pageMap.sizeClass(asPage(page + i)) >= 0) left.push(page + i);
      }
      awaitOthers.call(this);
    });
    try {
      expect(heap.malloc(SIZE)).toBe(0);
    } finally {
      wait.mockRestore();
    }
    expect(heap.checkReport().problems).toEqual([]);
  }
  expect(unfinished).toBeGreaterThan(0);
  expect(left).toEqual([]);
});

/** A scene in which the mortal thread would give back empty slabs of several pages. */
function withEmptySlabs(scene: Scene): Scene {
  const { heap } = scene;
  const blocks = Array.from({ length: 8 }, () => heap.malloc(9000));
  scene.attachMortal();
  for (const ptr of blocks) heap.free(ptr);
  return scene;
}
