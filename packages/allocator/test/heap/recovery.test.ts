import { Heap } from '@vmem-ts/allocator';
import { asPage } from '#src/base/units';
import { cachingSlot } from '#src/layout/block-state';
import { PageKind, cachedRunTag } from '#src/layout/page-map';
import { Bin, Calls, Extents, Slot, SlotOwner, binAt, slotAt, tokenOf } from '#src/layout/region-layout';
import { CLASS_COUNT, CLASS_SIZE, SLAB_SHAPES } from '#src/slab/size-classes';
import { ABANDONED } from '#src/sync/lock';
import { exhaust } from '../support/exhaust';
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
  /** Another that survives, and leaves before the heap is looked at. */
  guest: Heap | undefined;
  /** Other blocks that must be there at the end. */
  private readonly kept: number[] = [];

  constructor(hasBarrier = true) {
    this.threads = new FakeThreads(hasBarrier);
    this.heap = Heap.create(new SharedArrayBuffer(SIZE), {
      cacheBytes: CACHE_BYTES,
      threads: 4,
      host: this.threads.hostOf(SURVIVOR),
    });
    this.inner = new InnerHeap(this.heap);
    this.model = new ModelHeap(this.heap);
    this.mortal = new MortalThread(this.threads.hostOf(MORTAL));
    for (const size of [24, 24, 100, 3000, 16_384, 20_000]) this.model.malloc(size);
  }

  attachGuest(): Heap {
    return (this.guest = Heap.attach(this.heap.handle, { host: this.threads.hostOf(GUEST) }));
  }

  attachMortal(): void {
    this.mortal.run(() => (this.theirs = this.mortal.attach(this.heap.handle)));
  }

  /** Takes a block over into what must be there at the end. */
  keep(ptr: number): void {
    this.kept.push(ptr);
  }

  /** What must be true as soon as the survivors have noticed the death. `orphans`: blocks in flight. */
  expectRecovered(orphans: number): void {
    const { heap, inner, model } = this;
    this.guest?.detach();
    expect(heap.checkReport().problems).toEqual([]);
    for (const ptr of this.kept) heap.free(ptr);
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

/** An operation of the dying thread, prepared by `prepare`, which returns it. */
interface LastAct {
  /** Blocks that may stay live though nobody has them. */
  readonly orphans: number;
  prepare(scene: Scene): () => void;
}

/** Leaves runs of so many pages in the cache of a heap object. */
function keepRuns({ heap }: Scene, by: Heap, pages: readonly number[]): void {
  const pointers = pages.map((count) => by.malloc(count * 4096));
  const { cached } = heap.stats();
  for (const ptr of pointers) by.free(ptr);
  const bytes = pages.reduce((sum, count) => sum + count * 4096, 0);
  expect(heap.stats().cached - cached).toBe(bytes);
}

const act = (orphans: number, prepare: LastAct['prepare']): LastAct => ({ orphans, prepare });

const LAST_ACTS: [string, LastAct][] = [
  [
    'a malloc from the cache',
    act(1, ({ theirs }) => (theirs.free(theirs.malloc(24)), () => theirs.malloc(24))),
  ],
  [
    'a malloc that refills from a slab',
    act(
      1,
      ({ theirs }) =>
        () =>
          theirs.malloc(24),
    ),
  ],
  [
    'a malloc that needs a slab and a state page',
    act(
      1,
      ({ theirs }) =>
        () =>
          theirs.malloc(2000),
    ),
  ],
  [
    'a malloc of whole pages',
    act(
      1,
      ({ theirs }) =>
        () =>
          theirs.malloc(50_000),
    ),
  ],
  [
    'a calloc',
    act(
      1,
      ({ theirs }) =>
        () =>
          theirs.calloc(10, 10),
    ),
  ],
  [
    'an alignedAlloc of whole pages',
    act(
      1,
      ({ theirs }) =>
        () =>
          theirs.alignedAlloc(65_536, 20_000),
    ),
  ],
  [
    'a malloc that finds no memory',
    act(0, ({ theirs, model }) => {
      theirs.free(theirs.malloc(24));
      model.free(model.malloc(40));
      return () => theirs.malloc(SIZE);
    }),
  ],
  [
    'a free into the cache',
    act(1, ({ theirs }) => {
      const ptr = theirs.malloc(24);
      return () => theirs.free(ptr);
    }),
  ],
  [
    'a free that flushes the cache',
    act(20, ({ theirs }) => {
      const pointers = Array.from({ length: 8 }, () => theirs.malloc(24));
      return () => pointers.forEach((ptr) => theirs.free(ptr));
    }),
  ],
  [
    'a mallocMany from the cache and from slabs',
    act(13, ({ theirs }) => {
      theirs.free(theirs.malloc(1000));
      const out = new Float64Array(13);
      return () => theirs.mallocMany(1000, 13, out);
    }),
  ],
  [
    'a mallocMany of whole pages',
    act(
      3,
      ({ theirs }) =>
        () =>
          theirs.mallocMany(30_000, 3, []),
    ),
  ],
  [
    'a mallocMany that finds no memory',
    act(100, (scene) => {
      const { theirs, heap } = scene;
      for (const size of [4096, 8]) exhaust(heap, size).forEach((ptr) => scene.keep(ptr));
      for (const each of [theirs, heap]) each.free(exhaust(heap, 1000).pop() ?? 0);
      return () => theirs.mallocMany(2000, 100, new Float64Array(100));
    }),
  ],
  [
    'a freeMany that flushes the cache and empties slabs',
    act(30, ({ theirs }) => {
      const pointers = new Float64Array(30);
      theirs.mallocMany(1000, 30, pointers);
      return () => theirs.freeMany(pointers);
    }),
  ],
  [
    'a freeMany of blocks of all sizes, its own and others’',
    act(24, ({ theirs, heap }) => {
      const sizes = [24, 24, 100, 5000, 16_384, 20_000];
      const pointers = [theirs, heap, theirs, heap].flatMap((each) => sizes.map((size) => each.malloc(size)));
      return () => theirs.freeMany(pointers);
    }),
  ],
  [
    'a walk over all blocks',
    act(
      0,
      ({ theirs }) =>
        () =>
          theirs.blocks(),
    ),
  ],
  [
    'a free that empties slabs',
    act(40, ({ theirs }) => {
      const pointers = Array.from({ length: 12 }, () => theirs.malloc(16_384));
      return () => pointers.forEach((ptr) => theirs.free(ptr));
    }),
  ],
  [
    'a free of pages between free pages',
    act(3, ({ theirs }) => {
      // too long for a cache in so small a heap
      const pointers = [17, 18, 19].map((pages) => theirs.malloc(pages * 4096));
      theirs.free(pointers[0]);
      theirs.free(pointers[2]);
      return () => theirs.free(pointers[1]);
    }),
  ],
  [
    'a malloc of a run from the cache',
    act(1, (scene) => {
      keepRuns(scene, scene.theirs, [6]);
      return () => scene.theirs.malloc(6 * 4096);
    }),
  ],
  [
    'a free of the first run into the cache',
    act(1, ({ theirs }) => {
      const ptr = theirs.malloc(6 * 4096);
      return () => theirs.free(ptr);
    }),
  ],
  [
    'a free of a run into the cache',
    act(1, (scene) => {
      const ptr = scene.theirs.malloc(6 * 4096);
      keepRuns(scene, scene.theirs, [6]);
      return () => scene.theirs.free(ptr);
    }),
  ],
  [
    'frees of runs that others took, more than the cache may hold, and mallocs of some',
    act(6, (scene) => {
      const { theirs, heap } = scene;
      const pointers = [6, 5, 6, 5].map((pages) => heap.malloc(pages * 4096));
      return () => {
        for (const ptr of pointers) theirs.free(ptr);
        for (const pages of [5, 6]) theirs.malloc(pages * 4096);
      };
    }),
  ],
  [
    'a malloc that empties the runs of all caches',
    act(0, (scene) => {
      const { theirs, heap } = scene;
      const guest = scene.attachGuest();
      keepRuns(scene, heap, [7, 8]);
      keepRuns(scene, theirs, [5, 5, 6]);
      keepRuns(scene, guest, [5, 10]);
      return () => theirs.malloc(SIZE);
    }),
  ],
  [
    'a malloc that is served from the runs of others',
    act(1, (scene) => {
      const { theirs, heap } = scene;
      const guest = scene.attachGuest();
      keepRuns(scene, heap, [7, 8]);
      keepRuns(scene, guest, [15]);
      const { pagesFree } = heap.stats();
      if (pagesFree > 0) scene.keep(heap.malloc(pagesFree));
      expect(scene.heap.stats()).toMatchObject({ pagesFree: 0 });
      return () => expect(theirs.malloc(15 * 4096)).not.toBe(0);
    }),
  ],
  [
    'a detach with runs in the cache',
    act(0, (scene) => {
      keepRuns(scene, scene.theirs, [5, 5, 6]);
      return () => scene.theirs.detach();
    }),
  ],
  [
    'a check that repairs the runs of a cache whose gate was left',
    act(0, (scene) => {
      const { theirs, heap, inner } = scene;
      keepRuns(scene, heap, [5, 5, 6]);
      keepRuns(scene, theirs, [7, 8]);
      return () => {
        for (const slot of [0, MORTAL_SLOT]) {
          inner.i32[slotAt(slot) + Slot.gate] = ABANDONED;
          inner.i32[inner.runPagesWord(slot)] = 0; // in the middle of emptying it
        }
        theirs.check();
      };
    }),
  ],
  [
    'a realloc of a run that moves',
    act(2, ({ theirs }) => {
      const ptr = theirs.malloc(6 * 4096);
      return () => theirs.realloc(ptr, 100);
    }),
  ],
  [
    'a realloc that grows in place',
    act(1, ({ theirs }) => {
      const ptr = theirs.malloc(90_000);
      theirs.realloc(ptr, 30_000);
      return () => theirs.realloc(ptr, 60_000);
    }),
  ],
  [
    'a realloc that shrinks in place',
    act(1, ({ theirs }) => {
      const ptr = theirs.malloc(90_000);
      return () => theirs.realloc(ptr, 30_000);
    }),
  ],
  [
    'a realloc that grows into pages of its own cache',
    act(2, ({ theirs }) => {
      const [behind, ptr] = [theirs.malloc(30_000), theirs.malloc(30_000)];
      theirs.free(behind);
      return () => theirs.realloc(ptr, 60_000);
    }),
  ],
  [
    'a realloc that moves',
    act(2, ({ theirs }) => {
      const ptr = theirs.malloc(100);
      return () => theirs.realloc(ptr, 20_000);
    }),
  ],
  [
    'a free that makes a slab shared',
    act(2, ({ theirs, heap }) => {
      const pointers = [24, 5000].map((size) => heap.malloc(size));
      return () => pointers.forEach((ptr) => theirs.free(ptr));
    }),
  ],
  [
    'a free in a shared slab',
    act(1, ({ theirs, heap }) => {
      const pointers = [24, 24].map((size) => heap.malloc(size));
      theirs.free(pointers[0]);
      return () => theirs.free(pointers[1]);
    }),
  ],
  [
    'a malloc that empties the caches of others and gives their slabs back',
    act(0, (scene) => {
      const { theirs, heap } = scene;
      const guest = scene.attachGuest();
      for (const size of [24, 100, 3000, 16_384]) {
        for (const each of [theirs, heap, guest]) each.free(each.malloc(size));
      }
      return () => theirs.malloc(SIZE);
    }),
  ],
  [
    'a malloc that is served from the caches of others',
    act(1, (scene) => {
      const { theirs, heap } = scene;
      const guest = scene.attachGuest();
      const pointers = exhaust(heap, 16_384);
      exhaust(heap, 4096).forEach((ptr) => scene.keep(ptr));
      for (const each of [heap, guest]) for (let i = 0; i < 2; i++) each.free(pointers.pop()!);
      pointers.forEach((ptr) => scene.keep(ptr));
      return () => theirs.malloc(16_384);
    }),
  ],
  [
    'a check that takes over abandoned locks',
    act(0, ({ theirs, heap, inner }) => {
      for (const each of [theirs, heap]) each.free(each.malloc(24));
      return () => {
        for (const lock of [
          Calls.standstill,
          slotAt(0) + Slot.gate,
          slotAt(MORTAL_SLOT) + Slot.gate,
          slotAt(3) + Slot.gate,
          binAt(CLASS_SIZE.indexOf(24)) + Bin.lock,
          Extents.lock,
        ]) {
          inner.i32[lock] = ABANDONED;
        }
        theirs.check();
      };
    }),
  ],
  [
    'a detach',
    act(0, ({ theirs }) => {
      for (const size of [24, 100, 3000, 16_384]) theirs.free(theirs.malloc(size));
      return () => theirs.detach();
    }),
  ],
  [
    'a check',
    act(
      0,
      ({ theirs }) =>
        () =>
          theirs.check(),
    ),
  ],
  [
    'the statistics',
    act(
      0,
      ({ theirs }) =>
        () =>
          theirs.stats(),
    ),
  ],
];

const LOUDLY: [string, (scene: Scene) => void][] = [
  ['with a death note', ({ threads }) => threads.kill(MORTAL)],
  ['silently', ({ threads }) => threads.killSilently(MORTAL)],
];

const ON_SYSTEMS = LOUDLY.flatMap(([name, die]) =>
  [true, false].map(
    (hasBarrier) => [`${name}, ${hasBarrier ? 'with' : 'without'} a barrier`, die, hasBarrier] as const,
  ),
);

/** The survivors look after the dead when memory runs out, at the latest. */
const lookAfterTheDead = ({ heap }: Scene): void => {
  expect(heap.malloc(SIZE)).toBe(0);
};

/** Plays a scene for a death at each write of an operation; in bigger steps where there are very many. */
function dieEverywhere(play: (fatal: number) => boolean): void {
  const failures: string[] = [];
  for (let fatal = 0; failures.length < 5; fatal += fatal > 150 ? 5 : 1) {
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

describe.each(ON_SYSTEMS)('a thread that dies %s', (_, die, hasBarrier) => {
  withoutSleep();

  test.each(LAST_ACTS)('at any write of %s leaves nothing that the others can not put right', (__, last) => {
    dieEverywhere((fatal) => {
      const scene = new Scene(hasBarrier);
      scene.attachMortal();
      let operation!: () => void;
      scene.mortal.run(() => (operation = last.prepare(scene)));
      const survived = scene.mortal.run(operation, fatal);
      die(scene);
      lookAfterTheDead(scene);
      scene.expectRecovered(last.orphans);
      return survived;
    });
  });

  test('at any write of its attach leaves nothing that the others can not put right', () => {
    dieEverywhere((fatal) => {
      const scene = new Scene(hasBarrier);
      const survived = scene.mortal.run(() => scene.mortal.attach(scene.heap.handle), fatal);
      die(scene);
      lookAfterTheDead(scene);
      scene.expectRecovered(0);
      return survived;
    });
  });

  test('at any write of an attach that needs the caches of others leaves nothing either', () => {
    dieEverywhere((fatal) => {
      const scene = new Scene(hasBarrier);
      const guest = scene.attachGuest();
      const pointers = exhaust(scene.heap, 16_384);
      for (const size of [4096, 8]) exhaust(scene.heap, size).forEach((ptr) => scene.keep(ptr));
      for (const ptr of pointers.splice(-8)) guest.free(ptr);
      pointers.forEach((ptr) => scene.keep(ptr));
      const survived = scene.mortal.run(() => scene.mortal.attach(scene.heap.handle), fatal);
      die(scene);
      lookAfterTheDead(scene);
      scene.expectRecovered(0);
      return survived;
    });
  });

  test('at any write of the recovery of another one that died leaves both to the others', () => {
    const FIRST = 33;
    for (const [size, firstFatal] of [
      [2000, 12],
      [2000, 25],
      [50_000, 6],
    ]) {
      dieEverywhere((fatal) => {
        const scene = new Scene(hasBarrier);
        scene.attachMortal();
        const first = new MortalThread(scene.threads.hostOf(FIRST));
        let theirs!: Heap;
        first.run(() => {
          theirs = first.attach(scene.heap.handle);
          theirs.free(theirs.malloc(100));
        });
        first.run(() => theirs.malloc(size), firstFatal);
        scene.threads.kill(FIRST);
        const survived = scene.mortal.run(() => scene.theirs.malloc(SIZE), fatal);
        die(scene);
        lookAfterTheDead(scene);
        scene.expectRecovered(1);
        return survived;
      });
    }
  });
});

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
    let inside = 0;
    for (const [operation, size] of [
      ['malloc', 100],
      ['free', 100],
      ['malloc', 24_000],
      ['free', 24_000],
    ] as const) {
      dieEverywhere((fatal) => {
        const scene = new Scene();
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
        scene.threads.killSilently(MORTAL);
        inside += scene.inner.i32[slotAt(MORTAL_SLOT) + Slot.busy];
        survive(scene, theirBlock);
        lookAfterTheDead(scene);
        scene.expectRecovered(2);
        return survived;
      });
    }
    expect(inside).toBeGreaterThan(10);
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

  test('a lock of the dead delays nobody for more than 100 ms', () => {
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
      const start = performance.now();
      const pointers = [24, 24, 24, 100, 100, 100, 30_000].map((size) => scene.heap.malloc(size));
      expect(performance.now() - start).toBeLessThan(100);
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
    i32.fill(-1, Extents.across, Extents.end);
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
