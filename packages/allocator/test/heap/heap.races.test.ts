// Races of two threads, played out step by step: one thread stops before a write of its operation, the other does what
// it does, and the first goes on; for each write of the operation.

import { Heap, VmemError } from '@vmem-ts/allocator';
import { Sharing } from '#src/layout/page-map';
import { exhaust } from '../support/exhaust';
import { InnerHeap } from '../support/inner-heap';
import { OvertakenThread, type Steps } from '../support/overtaken';
import { codeOf } from '../support/thrown';

const SIZE = 512 * 1024;
/** Positions of an operation that are tried one by one; then every seventh, so that the long ones end. */
const EACH = 40;

/** A heap that two threads use, both warm, and the blocks that somebody has. */
class Scene {
  readonly overtaken: OvertakenThread;
  readonly fast: Heap;
  readonly slow: Heap;
  readonly live = new Set<number>();
  readonly inner: InnerHeap;

  constructor(hasBarrier: boolean, size = SIZE) {
    this.overtaken = new OvertakenThread(hasBarrier);
    const { host } = this.overtaken;
    // caches so small that most stacks hold two blocks, and slow paths are near
    this.fast = Heap.create(new SharedArrayBuffer(size), { cacheBytes: 64, threads: 4, host });
    this.slow = this.overtaken.attach(this.fast.handle);
    this.inner = new InnerHeap(this.fast);
    for (const size of [24, 3000]) {
      this.overtaken.thread.run(() => this.slow.free(this.slow.malloc(size)));
      this.fast.free(this.fast.malloc(size));
    }
  }

  take(heap: Heap, size: number): number {
    let ptr = 0;
    this.as(heap, () => (ptr = heap.malloc(size)));
    if (ptr === 0) return 0;
    if (this.live.has(ptr)) throw new Error(`${ptr} was given to two`);
    this.live.add(ptr);
    return ptr;
  }

  takeMany(heap: Heap, size: number, count: number): number[] {
    return Array.from({ length: count }, () => this.take(heap, size));
  }

  give(heap: Heap, ptr: number): void {
    this.live.delete(ptr); // before: another thread may get it before we are back
    this.as(heap, () => heap.free(ptr));
  }

  /** The heap agrees with what was taken, and every other block of the size can be had once. */
  expectSound(size: number): void {
    const { fast, live } = this;
    expect(fast.checkReport().problems).toEqual([]);
    expect(fast.stats().liveBlocks).toBe(live.size);
    expect(fast.malloc(SIZE)).toBe(0); // out of memory: caches go back
    const inSlabs = fast.stats().classes.find((each) => each.size >= size);
    const others = inSlabs
      ? Array.from({ length: inSlabs.free }, () => fast.malloc(size))
      : exhaust(fast, size);
    const all = [...live, ...others];
    expect(all).not.toContain(0);
    expect(new Set(all).size).toBe(all.length);
    for (const ptr of all) fast.free(ptr);
    expect(fast.malloc(SIZE)).toBe(0);
    expect(fast.checkReport().problems).toEqual([]);
    expect(fast.stats()).toMatchObject({ liveBlocks: 0, cached: 0, slabFree: 0 });
  }

  private as(heap: Heap, action: () => void): void {
    if (heap === this.slow && !this.overtaken.isRunning) this.overtaken.thread.run(action);
    else action();
  }
}

/** Plays a race for each write of the slow thread's operation; `play` returns false where it has no such write. */
function atEveryWrite(play: (at: number) => boolean): void {
  const failures: string[] = [];
  let at = 0;
  for (; failures.length < 5; at += at < EACH ? 1 : 7) {
    if (at > 20_000) throw new Error('the operation has no end');
    try {
      if (!play(at)) break;
    } catch (error) {
      failures.push(`write ${at}: ${(error as Error).stack?.split('\n    at ', 4).join('\n')}`);
    }
  }
  expect(failures).toEqual([]);
  expect(at).toBeGreaterThan(0);
}

/** What stood there may be forgotten by then. */
const NO_BLOCK = ['EDOUBLEFREE', 'EBADPTR'];
/** @param refusals what the thread may hear whose call came too late */
const succeeds = (call: () => void, refusals = ['EDOUBLEFREE']): boolean => {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof VmemError && refusals.includes(error.code)) return false;
    throw error;
  }
};

describe.each([
  ['with a barrier', true],
  ['without a barrier', false],
])('on a system %s', (_, hasBarrier) => {
  test('slabs are exclusive until another thread frees, or shared from the start', () => {
    const { fast, inner } = new Scene(hasBarrier);
    const ptr = fast.malloc(100);
    expect(inner.sharingOf(ptr)).toBe(hasBarrier ? Sharing.exclusive : Sharing.shared);
  });

  describe.each([24, 3000, 20_000])('of two that free one block of %p bytes at once', (size) => {
    describe.each(['fast', 'slow', 'third'] as const)('which the %s thread took,', (owner) => {
      const withBlock = (): { scene: Scene; block: number; neighbours: number[] } => {
        const scene = new Scene(hasBarrier);
        const { host } = scene.overtaken;
        const owners = owner === 'third' ? Heap.attach(scene.fast.handle, { host }) : scene[owner];
        const neighbours = scene.takeMany(owners, size, 20);
        const block = neighbours.splice(10, 1)[0];
        if (owner === 'third') owners.detach();
        return { scene, block, neighbours };
      };

      test('at any write of the slower one, one has freed it and the other hears so', () => {
        atEveryWrite((at) => {
          const { scene, block } = withBlock();
          const wins: boolean[] = [];
          scene.live.delete(block);
          const reached = scene.overtaken.overtake(
            () => wins.push(succeeds(() => scene.slow.free(block))),
            at,
            [() => wins.push(succeeds(() => scene.fast.free(block)))],
          );
          expect(wins.sort()).toEqual([false, true]);
          expect([codeOf(() => scene.fast.free(block)), codeOf(() => scene.fast.usableSize(block))]).toEqual([
            'EDOUBLEFREE',
            'EDOUBLEFREE',
          ]);
          scene.expectSound(size);
          return reached;
        });
      });

      test('and the faster gives it back to its slab and the slab to the heap: the same', () => {
        atEveryWrite((at) => {
          const { scene, block, neighbours } = withBlock();
          const wins: boolean[] = [];
          scene.live.delete(block);
          const reached = scene.overtaken.overtake(
            () => wins.push(succeeds(() => scene.slow.free(block), NO_BLOCK)),
            at,
            [
              () => wins.push(succeeds(() => scene.fast.free(block), NO_BLOCK)),
              ...neighbours.map((ptr) => () => scene.give(scene.fast, ptr)),
              () => expect(scene.fast.malloc(SIZE)).toBe(0), // out of memory: everything goes back
            ],
          );
          expect(wins.sort()).toEqual([false, true]);
          scene.expectSound(size);
          return reached;
        });
      });

      test('and the faster has blocks of another size in its place: at most one of those is freed', () => {
        atEveryWrite((at) => {
          const { scene, block, neighbours } = withBlock();
          const wins: boolean[] = [];
          const taken: number[] = [];
          scene.live.delete(block);
          const reached = scene.overtaken.overtake(
            () => wins.push(succeeds(() => scene.slow.free(block), NO_BLOCK)),
            at,
            [
              () => wins.push(succeeds(() => scene.fast.free(block), NO_BLOCK)),
              ...neighbours.map((ptr) => () => scene.give(scene.fast, ptr)),
              // a class whose states lie as those of 24 and 3000 bytes do
              ...Array.from(
                { length: 40 },
                () => () => taken.push(scene.fast.malloc(size === 24 ? 32 : 5120)),
              ),
            ],
          );
          const frees = wins.filter(Boolean).length;
          const again = taken.includes(block);
          expect(frees === 1 || (frees === 2 && again)).toBe(true);
          for (const ptr of taken) if (ptr !== block || frees === 1) scene.live.add(ptr);
          scene.expectSound(size);
          return reached;
        });
      });

      test('and the faster takes it again: it is freed as often as it was had, or lives', () => {
        let reused = 0;
        atEveryWrite((at) => {
          const { scene, block } = withBlock();
          const taken: number[] = [];
          const wins: boolean[] = [];
          scene.live.delete(block);
          const reached = scene.overtaken.overtake(
            () => wins.push(succeeds(() => scene.slow.free(block))),
            at,
            [
              () => wins.push(succeeds(() => scene.fast.free(block))),
              () => taken.push(scene.fast.malloc(size)),
              () => taken.push(scene.fast.malloc(size)),
            ],
          );
          expect(new Set(taken).size).toBe(2);
          const frees = wins.filter(Boolean).length;
          const again = taken.includes(block);
          reused += Number(again);
          expect(frees === 1 || (frees === 2 && again)).toBe(true);
          for (const ptr of taken) if (ptr !== block || frees === 1) scene.live.add(ptr);
          scene.expectSound(size);
          return reached;
        });
        expect(reused).toBeGreaterThan(0);
      });
    });
  });

  /** Operations, each prepared with what it needs: returned as steps, each of which may be done again. */
  const OPERATIONS: Record<string, (scene: Scene, heap: Heap, other: Heap) => Steps> = {
    'malloc from the cache': (scene, heap) => {
      scene.give(heap, scene.take(heap, 24));
      return [() => scene.take(heap, 24)];
    },
    'malloc with a refill': (scene, heap) => {
      scene.takeMany(heap, 24, 3);
      return [() => scene.take(heap, 24), () => scene.take(heap, 24), () => scene.take(heap, 24)];
    },
    'malloc in a new slab': (scene, heap) => [() => scene.take(heap, 2000)],
    'free into the cache': (scene, heap) => {
      const ptr = scene.take(heap, 24);
      return [() => scene.give(heap, ptr)];
    },
    'free of blocks that the other one took': (scene, heap, other) =>
      scene.takeMany(other, 100, 3).map((ptr) => () => scene.give(heap, ptr)),
    'free that gives slabs back': (scene, heap) =>
      scene.takeMany(heap, 16_384, 8).map((ptr) => () => scene.give(heap, ptr)),
    'malloc and free of pages': (scene, heap) => {
      const ptr = scene.take(heap, 20_000);
      return [() => scene.give(heap, ptr), () => scene.take(heap, 30_000)];
    },
    'malloc that finds no memory': (__, heap) => [() => expect(heap.malloc(SIZE)).toBe(0)],
    check: (__, heap) => [() => expect(heap.checkReport().problems).toEqual([])],
    stats: (__, heap) => [() => expect(heap.stats().size).toBe(SIZE)],
    'attach and detach of another heap object': (scene, heap) => {
      if (heap === scene.slow) {
        let mine: Heap | undefined;
        return [
          () => {
            mine = scene.overtaken.thread.attach(heap.handle);
            scene.take(mine, 24);
            mine.detach();
          },
        ];
      }
      let mine: Heap | undefined;
      const { host } = scene.overtaken;
      return [
        () => (mine = Heap.attach(heap.handle, { host })),
        () => scene.take(mine!, 24),
        () => mine!.detach(),
      ];
    },
  };

  const names = Object.keys(OPERATIONS);
  describe.each(names)('while another thread is at a write of its %s,', (slowly) => {
    test.each(names)('%s', (quickly) => {
      atEveryWrite((at) => {
        const scene = new Scene(hasBarrier);
        const { slow, fast } = scene;
        const slowSteps = OPERATIONS[slowly](scene, slow, fast);
        const fastSteps = OPERATIONS[quickly](scene, fast, slow);
        const reached = scene.overtaken.overtake(() => slowSteps.forEach((step) => step()), at, fastSteps);
        scene.expectSound(24);
        return reached;
      });
    });
  });
});
