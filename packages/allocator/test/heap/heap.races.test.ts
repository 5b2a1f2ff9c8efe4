// Races of two threads, played out step by step: one thread stops before a write of its operation, the other does what
// it does, and the first goes on; for each write of the operation.

import { Heap } from '@vmem-ts/allocator';
import { Sharing } from '#src/layout/page-map';
import type { Steps } from '../support/overtaken';
import { NO_BLOCK, RaceScene as Scene, SIZE, atEveryWrite, succeeds } from '../support/race-scene';
import { exhaust } from '../support/exhaust';
import { freeAll } from '../support/free-all';
import { codeOf } from '../support/thrown';

const FREED = 'EDOUBLEFREE';

describe.each([
  ['with a barrier', true],
  ['without a barrier', false],
])('on a system %s', (_, hasBarrier) => {
  test('slabs are exclusive until another thread frees, or shared from the start', () => {
    const { fast, inner } = new Scene(hasBarrier);
    const ptr = fast.malloc(100);
    expect(inner.sharingOf(ptr)).toBe(hasBarrier ? Sharing.exclusive : Sharing.shared);
  });

  test.each(['check', 'stats', 'blocks'] as const)(
    '%s of a heap that another thread deletes meanwhile tells nothing of what is left',
    (name) => {
      atEveryWrite((at) => {
        const { fast, slow, inner, overtaken } = new Scene(hasBarrier);
        let code = '';
        const reached = overtaken.overtake(() => (code = codeOf(() => void slow[name]())), at, [
          () => {
            fast.close(true);
            inner.u8.fill(0);
          },
        ]);
        if (reached) expect(code).toBe('ECLOSED');
        return reached;
      });
    },
  );

  test.each([24, 3000, 20_000])(
    'blocks of %p bytes that two free many of at once are freed once each',
    (size) => {
      for (const owner of ['fast', 'slow'] as const) {
        atEveryWrite((at) => {
          const scene = new Scene(hasBarrier);
          const blocks = Float64Array.from([
            ...scene.takeMany(scene[owner], size, 6),
            ...scene.takeMany(scene.fast, 100, 2),
          ]);
          const wins = [...blocks].map(() => 0);
          for (const ptr of blocks) scene.live.delete(ptr);
          const reached = scene.overtaken.overtake(
            () => freeAll(scene.slow, blocks, (i) => wins[i]++),
            at,
            // again after it was thrown out of: what it had freed by then is refused
            [() => freeAll(scene.fast, blocks.slice().reverse(), (i) => wins[blocks.length - 1 - i]++)],
          );
          if (!scene.overtaken.waited) expect(wins).toEqual(wins.map(() => 1));
          for (const ptr of blocks) expect(scene.fast.contains(ptr)).toBe(false);
          scene.expectSound(size);
          return reached;
        });
      }
    },
  );

  test.each([100, 3000])(
    'many blocks of %p bytes that one takes while the other takes all: none is had twice',
    (size) => {
      atEveryWrite((at) => {
        const scene = new Scene(hasBarrier);
        const [kept, freed] = [scene.takeMany(scene.slow, size, 5), scene.takeMany(scene.slow, size, 5)];
        for (const ptr of freed) scene.give(scene.slow, ptr);
        const out = new Float64Array(20);
        let taken = 0;
        const others: number[] = [];
        const reached = scene.overtaken.overtake(() => (taken = scene.slow.mallocMany(size, 20, out)), at, [
          () => others.push(scene.fast.malloc(size)),
          () => expect(scene.fast.malloc(SIZE)).toBe(0), // out of memory: all caches go back
          () => others.push(...exhaust(scene.fast, size)),
        ]);
        const all = [...kept, ...out.subarray(0, taken), ...others];
        expect(new Set(all).size).toBe(all.length);
        for (const ptr of all) scene.live.add(ptr);
        scene.expectSound(size);
        return reached;
      });
    },
  );

  describe.each([
    [24, 20],
    [3000, 20],
    [20_000, 20], // while memory is scarce
    [24_000, 4], // a run that goes into a cache
  ])('of two that free one block of %p bytes at once, one of %p,', (size, count) => {
    describe.each(['fast', 'slow', 'third'] as const)('which the %s thread took,', (owner) => {
      const withBlock = (): { scene: Scene; block: number; neighbours: number[] } => {
        const scene = new Scene(hasBarrier);
        const { host } = scene.overtaken;
        const owners = owner === 'third' ? Heap.attach(scene.fast.handle, { host }) : scene[owner];
        const neighbours = scene.takeMany(owners, size, count);
        const block = neighbours.splice(count >> 1, 1)[0];
        if (owner === 'third') owners.detach();
        return { scene, block, neighbours };
      };

      /** Both free the block, the faster one before write `at` of the slower, and does what `then` says after it. */
      const race = (
        at: number,
        refusals: string[],
        then: (scene: Scene, neighbours: number[]) => Steps,
      ): { scene: Scene; block: number; wins: boolean[]; reached: boolean } => {
        const { scene, block, neighbours } = withBlock();
        const wins: boolean[] = [];
        const freeIn = (heap: Heap) => () => {
          wins.push(succeeds(() => heap.free(block), refusals));
        };
        scene.live.delete(block);
        const fast = [freeIn(scene.fast), ...then(scene, neighbours)];
        const reached = scene.overtaken.overtake(freeIn(scene.slow), at, fast);
        return { scene, block, wins, reached };
      };
      const giveAll = (scene: Scene, pointers: number[]): Steps =>
        pointers.map((ptr) => () => scene.give(scene.fast, ptr));
      /** The block may have been taken again, among `taken`, and freed once more; all else of these is live. */
      const expectFreedAsOftenAsHad = (
        { scene, block, wins }: ReturnType<typeof race>,
        taken: number[],
      ): void => {
        const frees = wins.filter(Boolean).length;
        expect(frees === 1 || (frees === 2 && taken.includes(block))).toBe(true);
        for (const ptr of taken) if (ptr !== block || frees === 1) scene.live.add(ptr);
        scene.expectSound(size);
      };

      test.each<[string, string[], (scene: Scene, neighbours: number[]) => Steps]>([
        ['at any write of the slower one, one has freed it and the other hears so', [FREED], () => []],
        [
          'and the faster gives it back to its slab and the slab to the heap: the same',
          NO_BLOCK,
          (scene, neighbours) => [
            ...giveAll(scene, neighbours),
            () => expect(scene.fast.malloc(SIZE)).toBe(0), // out of memory: everything goes back
          ],
        ],
      ])('%s', (__, refusals, then) => {
        atEveryWrite((at) => {
          const { scene, block, wins, reached } = race(at, refusals, then);
          expect(wins.sort()).toEqual([false, true]);
          expect(refusals).toContain(codeOf(() => scene.fast.free(block)));
          expect(refusals).toContain(codeOf(() => scene.fast.usableSize(block)));
          scene.expectSound(size);
          return reached;
        });
      });

      test('and the faster has blocks of another size in its place: at most one of those is freed', () => {
        atEveryWrite((at) => {
          const taken: number[] = [];
          const raced = race(at, NO_BLOCK, (scene, neighbours) => [
            ...giveAll(scene, neighbours),
            // a class whose states lie as those of 24 and 3000 bytes do
            ...Array.from({ length: 40 }, () => () => taken.push(scene.fast.malloc(size === 24 ? 32 : 5120))),
          ]);
          expectFreedAsOftenAsHad(raced, taken);
          return raced.reached;
        });
      });

      test('and the faster takes it again: it is freed as often as it was had, or lives', () => {
        let reused = 0;
        atEveryWrite((at) => {
          const taken: number[] = [];
          const take = (scene: Scene) => () => taken.push(scene.fast.malloc(size));
          const raced = race(at, [FREED], (scene) => [take(scene), take(scene)]);
          expect(new Set(taken).size).toBe(2);
          reused += Number(taken.includes(raced.block));
          expectFreedAsOftenAsHad(raced, taken);
          return raced.reached;
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
