// Callers at the end of their stack. An operation that has too little of it left throws a RangeError from wherever it
// is, with locks held and changes half done; the heap must be sound all the same, and lose nothing.

import { Heap } from '@vmem-ts/allocator';
import { PageKind } from '#src/layout/page-map';
import { Identity, Slot, SlotOwner, slotAt } from '#src/layout/region-layout';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { Storage } from '../support/storage';

const SIZE = 512 * 1024;
const MIB = 1 << 20;
/** Depths are tried from the deepest up, until so many are not too deep. */
const ENOUGH = 15;

/** At the end of the stack jest's own functions are not to be had. */
function demand(value: number, expected: number): void {
  if (value !== expected) throw new Error(`${value} instead of ${expected}`);
}

/** The stack was full. Where that was in a built-in function of the realm around jest's, the error is of that realm. */
const isOverflow = (error: unknown): boolean => (error as Partial<Error> | undefined)?.name === 'RangeError';

/** Makes `action` with `depth` calls on the stack; the arguments make the steps of the descent smaller or larger. */
function descend(depth: number, action: () => void, ...more: number[]): void {
  if (depth === 0) action();
  else descend(depth - 1, action, ...more);
}

/** The most that `descend` can do here. */
function deepest(more: number[]): number {
  let low = 0;
  for (let step = 1 << 16; step >= 1; step >>= 1) {
    try {
      descend(low + step, () => undefined, ...more);
      low += step;
    } catch (error) {
      if (!isOverflow(error)) throw error;
    }
  }
  return low;
}

class Scene {
  readonly threads = new FakeThreads();
  readonly heap: Heap;
  readonly other: Heap;
  readonly inner: InnerHeap;
  readonly live: number[] = [];
  readonly gifts: { readonly ptr: number; readonly isFreed: boolean }[] = [];

  constructor(host: boolean) {
    const hostOf = (tid: number) => (host ? { host: this.threads.hostOf(tid) } : {});
    this.heap = Heap.create(new SharedArrayBuffer(SIZE), { cacheBytes: 64, threads: 3, ...hostOf(11) });
    this.other = Heap.attach(this.heap.handle, hostOf(22));
    this.inner = new InnerHeap(this.heap);
    for (const size of [24, 100, 3000, 20_000])
      this.live.push(this.heap.malloc(size), this.other.malloc(size));
    this.heap.free(this.heap.malloc(3000));
    this.other.free(this.other.malloc(3000));
  }

  get options() {
    return this.inner.i32[slotAt(0) + Slot.owner] === (SlotOwner.unnamed as number)
      ? {}
      : { host: this.threads.hostOf(33) };
  }

  /** @param lost blocks that a call may have kept for itself */
  expectSound(lost: number): void {
    const { heap, live } = this;
    for (const gift of this.gifts.filter(({ isFreed }) => isFreed)) {
      this.gifts.splice(this.gifts.indexOf(gift), 1); // once: the pointer may be that of a new block by now
      live.splice(live.indexOf(gift.ptr), 1);
    }
    expect(heap.checkReport().problems).toEqual([]);
    const { liveBlocks } = heap.stats();
    expect(liveBlocks).toBeGreaterThanOrEqual(live.length);
    expect(liveBlocks).toBeLessThanOrEqual(live.length + lost);
    for (const ptr of live) expect(heap.usableSize(ptr)).toBeGreaterThan(0);
  }
}

/** Takes what a call gives; what it does not, since it throws, it must not keep. */
const take = (live: number[], malloc: () => number): void => {
  const ptr = malloc();
  if (ptr !== 0) live[live.length] = ptr;
};
/** What free throws out of is freed or not; the caller may ask. */
function give(scene: Scene, heap: Heap, ptr: number): () => void {
  const gift = { ptr, isFreed: false };
  scene.gifts.push(gift);
  return () => {
    if (!gift.isFreed) heap.free(ptr);
    gift.isFreed = true; // no call, which could fail for itself
  };
}

const cachedRuns = ({ inner }: Scene): number =>
  inner.extents().filter(({ kind }) => kind === PageKind.cached).length;

interface Deed {
  /** Returns the operation; it is called at the end of the stack, then once more with all of it. */
  prepare(scene: Scene): () => void;
  /** What the caller does after each of the two. */
  settle?(scene: Scene): void;
  readonly lost?: number;
}

const DEEDS: [string, Deed][] = [
  [
    'malloc',
    {
      prepare:
        ({ live, heap }) =>
        () => {
          take(live, () => heap.malloc(24));
          take(live, () => heap.malloc(2000));
          take(live, () => heap.malloc(24));
          take(live, () => heap.malloc(16_384));
        },
    },
  ],
  [
    'malloc of pages',
    {
      prepare:
        ({ live, heap }) =>
        () => {
          take(live, () => heap.malloc(17_000));
          take(live, () => heap.alignedAlloc(16_384, 30_000));
        },
    },
  ],
  [
    'malloc that finds no memory',
    {
      prepare:
        ({ heap }) =>
        () =>
          heap.malloc(SIZE),
    },
  ],
  [
    'calloc',
    {
      prepare:
        ({ live, heap }) =>
        () =>
          take(live, () => heap.calloc(10, 10)),
      lost: 1,
    },
  ],
  [
    'calloc of pages',
    {
      prepare:
        ({ live, heap }) =>
        () =>
          take(live, () => heap.calloc(10, 3000)),
      lost: 1,
    },
  ],
  [
    'alloc, and free of the view',
    {
      prepare:
        ({ heap }) =>
        () =>
          heap.free(heap.alloc(Float64Array, 100)),
      lost: 2,
    },
  ],
  [
    'free of small blocks',
    {
      prepare: (scene) => {
        const { heap, live } = scene;
        const mine = Array.from({ length: 6 }, () => heap.malloc(16_384));
        live.push(...mine);
        const frees = mine.map((ptr) => give(scene, heap, ptr));
        return () => frees.splice(0).forEach((free) => free());
      },
    },
  ],
  [
    'free of the blocks of another thread',
    {
      prepare: (scene) => {
        const { heap, other, live } = scene;
        const theirs = Array.from({ length: 4 }, () => other.malloc(5000));
        live.push(...theirs);
        const frees = theirs.map((ptr) => give(scene, heap, ptr));
        return () => frees.splice(0).forEach((free) => free());
      },
    },
  ],
  [
    'free of pages',
    {
      prepare: (scene) => {
        const pointers = [20_000, 30_000, 40_000].map((size) => scene.heap.malloc(size));
        scene.live.push(...pointers);
        const frees = [1, 0, 2].map((i) => give(scene, scene.heap, pointers[i]));
        return () => frees.splice(0).forEach((free) => free());
      },
    },
  ],
  [
    'malloc and free of runs of pages in the cache',
    {
      prepare: (scene) => {
        const { heap, other, live } = scene;
        heap.free(heap.malloc(24_000));
        const pointers = [24_000, 28_000].map((size) => other.malloc(size));
        live.push(...pointers);
        const frees = pointers.map((ptr) => give(scene, heap, ptr));
        expect(cachedRuns(scene)).toBe(1);
        return () => {
          take(live, () => heap.malloc(24_000));
          frees.splice(0).forEach((free) => free());
          take(live, () => heap.malloc(28_000));
        };
      },
    },
  ],
  [
    'a malloc that empties all caches of runs of pages',
    {
      prepare: (scene) => {
        const { heap, other } = scene;
        for (const each of [heap, other]) for (const size of [24_000, 28_000]) each.free(each.malloc(size));
        expect(cachedRuns(scene)).toBe(4);
        return () => {
          demand(heap.malloc(SIZE), 0);
          demand(cachedRuns(scene), 0);
        };
      },
    },
  ],
  [
    'a malloc that empties the own cache of runs of pages',
    {
      prepare: (scene) => {
        const { heap } = scene;
        for (const size of [24_000, 28_000]) heap.free(heap.malloc(size));
        return () => {
          demand(heap.malloc(SIZE), 0);
          demand(cachedRuns(scene), 0);
        };
      },
    },
  ],
  [
    'realloc of a run of pages in place',
    {
      prepare: (scene) => {
        const { heap, live } = scene;
        const ptr = heap.malloc(60_000);
        live.push(ptr);
        return () => {
          for (const size of [30_000, 50_000, 17_000, 60_000]) demand(heap.realloc(ptr, size), ptr);
          demand(heap.usableSize(ptr), 61_440);
        };
      },
    },
  ],
  [
    'mallocMany',
    {
      prepare:
        ({ live, heap }) =>
        () => {
          for (const size of [24, 2000, 20_000]) {
            const out = new Float64Array(7);
            const count = heap.mallocMany(size, 7, out);
            for (let i = 0; i < count; i++) live[live.length] = out[i];
          }
        },
      lost: 1, // one that only the way back was too short for
    },
  ],
  [
    'mallocMany into an array',
    {
      prepare:
        ({ live, heap }) =>
        () => {
          const out: number[] = [];
          const count = heap.mallocMany(100, 7, out);
          for (let i = 0; i < count; i++) live[live.length] = out[i];
        },
      lost: 7,
    },
  ],
  [
    'freeMany',
    {
      prepare: (scene) => {
        const { heap, other, live } = scene;
        const pointers = [heap, other].flatMap((each) =>
          [24, 24, 5000, 5000, 5000, 20_000].map((size) => each.malloc(size)),
        );
        live.push(...pointers);
        return () => heap.freeMany(pointers.filter((ptr) => live.includes(ptr)));
      },
      // what it throws out of is freed in part; the caller asks which
      settle: ({ heap, live }) => {
        live.splice(0, live.length, ...live.filter((ptr) => heap.contains(ptr)));
      },
    },
  ],
  [
    'detach with runs of pages in the cache',
    {
      prepare: (scene) => {
        const { heap, options } = scene;
        let mine: Heap | undefined = Heap.attach(heap.handle, options);
        for (const size of [24_000, 28_000]) mine.free(mine.malloc(size));
        expect(cachedRuns(scene)).toBe(2);
        return () => {
          mine?.detach();
          mine = undefined;
          demand(cachedRuns(scene), 0);
        };
      },
    },
  ],
  [
    'purge',
    {
      prepare: ({ heap, other }) => {
        for (const each of [heap, other]) for (const size of [24, 3000, 24_000]) each.free(each.malloc(size));
        return () => heap.purge();
      },
    },
  ],
  [
    'questions about blocks',
    {
      prepare:
        ({ heap, live }) =>
        () => {
          for (const ptr of live) {
            demand(Number(heap.contains(ptr)), 1);
            demand(heap.blockAt(ptr + 1)?.ptr ?? 0, ptr);
            demand(heap.view(Uint8Array, ptr, 1).length, 1);
          }
        },
    },
  ],
  [
    'a walk over all blocks',
    {
      prepare:
        ({ heap }) =>
        () =>
          heap.blocks(),
    },
  ],
  [
    'realloc',
    {
      prepare: (scene) => {
        const { heap, live } = scene;
        return () => {
          for (const size of [3000, 40_000, 20_000, 60_000, 100]) {
            const [old] = live;
            const ptr = heap.realloc(old, size);
            if (ptr !== 0) live[0] = ptr;
          }
        };
      },
      lost: 1, // the old block or the new one, where it has both
    },
  ],
  [
    'check',
    {
      prepare:
        ({ heap }) =>
        () => {
          // jest's own functions are not to be had at the end of the stack
          if (heap.check() !== 1) throw new Error('check found the heap damaged');
        },
    },
  ],
  [
    'stats',
    {
      prepare:
        ({ heap }) =>
        () =>
          heap.stats(),
    },
  ],
  [
    'attach and detach',
    {
      prepare: (scene) => {
        let mine: Heap | undefined;
        const { options } = scene;
        return () => {
          mine ??= Heap.attach(scene.heap.handle, options);
          if (mine.isOpen) mine.free(mine.malloc(100)); // else the last time has come as far as detach
          mine.detach();
          mine = undefined;
        };
      },
    },
  ],
];

describe.each([
  ['a host', true],
  ['no host', false],
])('on a heap with %s, at the end of the stack', (_, hasHost) => {
  test.each(DEEDS)('%s is done or not, and nothing is lost', (__, { prepare, settle, lost = 0 }) => {
    let overflows = 0;
    for (const more of [[], [1], [1, 2, 3]]) {
      let deeds = 0;
      for (let depth = deepest(more); deeds < ENOUGH; depth--) {
        expect(depth).toBeGreaterThan(0);
        const scene = new Scene(hasHost);
        const deed = prepare(scene);
        try {
          descend(depth, deed, ...more);
          settle?.(scene);
          deeds++;
        } catch (error) {
          if (!isOverflow(error)) throw error;
          overflows++;
          settle?.(scene);
          scene.expectSound(lost);
          // neither is any lock held for ever, nor any slot taken
          deed();
          settle?.(scene);
          scene.expectSound(lost);
        }
        scene.expectSound(lost);
        for (const ptr of scene.live) scene.other.free(ptr);
        expect(scene.heap.malloc(SIZE)).toBe(0);
        expect(scene.heap.checkReport().problems).toEqual([]);
        const { liveBlocks, cached, threads } = scene.heap.stats();
        expect(liveBlocks).toBeLessThanOrEqual(lost);
        expect([cached, threads]).toEqual([0, 2]);
        expect(scene.inner.i32[Identity.slots]).toBe(3);
        Heap.attach(scene.heap.handle, scene.options).detach();
      }
    }
    expect(overflows).toBeGreaterThan(20);
  });
});

test.each<[string, (heap: Heap) => unknown]>([
  ['growth', (heap) => heap.free(heap.malloc(MIB))],
  ['growth behind a block', (heap) => heap.free(heap.realloc(heap.malloc(200_000), 1.5 * MIB))],
  ['a purge', (heap) => heap.purge()],
])('%s at the end of the stack leaves no page with storage that nobody knows of', (_, deed) => {
  let overflows = 0;
  for (const more of [[], [1], [1, 2, 3]]) {
    let deeds = 0;
    for (let depth = deepest(more); deeds < ENOUGH; depth--) {
      const storage = new Storage(new SharedArrayBuffer(3 * MIB));
      const heap = Heap.create(storage.buffer, { size: MIB, source: storage, zeroed: true });
      const kept = heap.malloc(24);
      try {
        descend(depth, () => void deed(heap), ...more);
        deeds++;
      } catch (error) {
        if (!isOverflow(error)) throw error;
        overflows++;
      }
      expect(heap.checkReport().problems).toEqual([]);
      const { liveBlocks } = heap.stats();
      expect(liveBlocks).toBeLessThanOrEqual(2); // what a call gave and could not tell
      if (liveBlocks === 1) {
        const all = heap.malloc(2.5 * MIB);
        expect(all).not.toBe(0);
        heap.free(all);
      }
      heap.free(kept);
      heap.purge();
      expect(storage.strayPages()).toEqual([]);
      expect(heap.stats().backed).toBe(storage.bytes);
    }
  }
  expect(overflows).toBeGreaterThan(20);
});
