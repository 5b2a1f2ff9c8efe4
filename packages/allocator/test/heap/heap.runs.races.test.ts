// Races of two threads about runs of pages, played out step by step as in `heap.races.test`.

import { Heap } from '@vmem-ts/allocator';
import { asPage } from '#src/base/units';
import { PageKind } from '#src/layout/page-map';
import { Slot, slotAt, tokenOf } from '#src/layout/region-layout';
import type { Steps } from '../support/overtaken';
import { NO_BLOCK, RaceScene, SIZE, atEveryWrite, succeeds } from '../support/race-scene';
import { codeOf } from '../support/thrown';

/** Bytes of blocks of 6 and of 7 pages: two of them are as much as a cache may hold here. */
const RUN = 6 * 4096;
const OTHER_RUN = 7 * 4096;
const SLOW_SLOT = 1;
const DEAD_SLOT = 2;

/** A block with free pages behind it. */
function takeWithRoom(scene: RaceScene, heap: Heap, size: number): number {
  const ptr = scene.take(heap, 90_000);
  expect(scene.resize(heap, ptr, size)).toBe(ptr);
  return ptr;
}

function takeCached(scene: RaceScene, heap: Heap, size: number): void {
  scene.give(heap, scene.take(heap, size));
  expect(scene.cachedRuns()).toContain(size / 4096);
}

type Operation = (scene: RaceScene, heap: Heap, other: Heap) => Steps;

/** What both threads may do; returned as steps, each of which may be done again. */
const OPERATIONS: Record<string, Operation> = {
  'malloc of a run': (scene, heap) => {
    takeCached(scene, heap, RUN);
    return [() => scene.take(heap, RUN)];
  },
  'free of a run': (scene, heap) => {
    const ptr = scene.take(heap, RUN);
    return [() => scene.give(heap, ptr)];
  },
  'free of a run that the other one took, and malloc': (scene, heap, other) => {
    const ptr = scene.take(other, RUN);
    return [() => scene.give(heap, ptr), () => scene.take(heap, RUN)];
  },
  'free of more runs than a cache may hold': (scene, heap) =>
    scene.takeMany(heap, RUN, 3).map((ptr) => () => scene.give(heap, ptr)),
  'realloc in place, longer and shorter': (scene, heap) => {
    let ptr = takeWithRoom(scene, heap, RUN);
    // it moves if the other one has taken the pages behind it
    return [OTHER_RUN, 20_000].map((size) => () => (ptr = scene.resize(heap, ptr, size)));
  },
  'malloc that finds no memory and empties the caches': (scene, heap, other) => {
    takeCached(scene, heap, RUN);
    takeCached(scene, other, OTHER_RUN);
    return [() => expect(heap.malloc(SIZE)).toBe(0)];
  },
  'malloc that empties a cache which the other one is filling': (scene, heap, other) => {
    takeCached(scene, other, RUN);
    return [() => expect(heap.malloc(SIZE)).toBe(0)];
  },
  check: (scene, heap) => {
    takeCached(scene, heap, RUN);
    return [() => expect(heap.checkReport().problems).toEqual([])];
  },
  stats: (scene, heap, other) => {
    takeCached(scene, heap, RUN);
    takeCached(scene, other, OTHER_RUN);
    return [
      () => {
        const { size, live, cached, slabFree, pagesFree, overhead, large } = heap.stats();
        expect(live + cached + slabFree + pagesFree + overhead).toBe(size);
        expect([large.bytes % 4096, large.blocks === 0]).toEqual([0, large.bytes === 0]);
      },
    ];
  },
  'attach, runs, and detach of another heap object': (scene, heap) => {
    let mine: Heap | undefined;
    let ptr = 0;
    const { thread, host } = scene.overtaken;
    const attach = (): Heap =>
      heap === scene.slow ? thread.attach(heap.handle) : Heap.attach(heap.handle, { host });
    return [
      () => (mine = attach()),
      () => (ptr = scene.take(mine!, RUN)),
      () => scene.give(mine!, ptr),
      () => mine!.detach(),
    ];
  },
};

/** Not to be begun anew after an exception in the middle. */
const SLOW_OPERATIONS: Record<string, Operation> = {
  ...OPERATIONS,
  'realloc that moves': (scene, heap) => {
    const ptr = scene.take(heap, RUN);
    return [() => scene.resize(heap, ptr, 3000)];
  },
};

describe.each([
  ['with a barrier', true],
  ['without a barrier', false],
])('on a system %s', (_, hasBarrier) => {
  describe.each(Object.keys(SLOW_OPERATIONS))('while another thread is at a write of its %s,', (slowly) => {
    test.each(Object.keys(OPERATIONS))('%s', (quickly) => {
      atEveryWrite((at) => {
        const scene = new RaceScene(hasBarrier);
        const { slow, fast } = scene;
        const slowSteps = SLOW_OPERATIONS[slowly](scene, slow, fast);
        const fastSteps = OPERATIONS[quickly](scene, fast, slow);
        const reached = scene.overtaken.overtake(() => slowSteps.forEach((step) => step()), at, fastSteps);
        scene.expectSound(RUN);
        return reached;
      });
    });
  });

  describe.each<[string, (scene: RaceScene, ptr: number) => number]>([
    ['grows in place', (scene, ptr) => scene.slow.realloc(ptr, 50_000)],
    ['shrinks in place', (scene, ptr) => scene.slow.realloc(ptr, 18_000)],
    [
      'is asked to grow where it can not, and stays or moves',
      (scene, ptr) => scene.slow.realloc(ptr, 120_000),
    ],
    ['moves into a slab', (scene, ptr) => scene.slow.realloc(ptr, 3000)],
  ])('a run that %s', (__, change) => {
    const withBlock = (): { scene: RaceScene; block: number } => {
      const scene = new RaceScene(hasBarrier);
      const block = takeWithRoom(scene, scene.slow, RUN);
      scene.live.delete(block);
      return { scene, block };
    };

    test('meanwhile has its old size or its new one, for another thread that asks', () => {
      atEveryWrite((at) => {
        const { scene, block } = withBlock();
        const sizes: number[] = [];
        const codes: string[] = [];
        let now = 0;
        const ask = (): void => {
          codes.push(codeOf(() => sizes.push(scene.fast.usableSize(block))));
        };
        const reached = scene.overtaken.overtake(() => (now = change(scene, block)), at, [ask]);
        scene.live.add(now);
        const after = scene.fast.usableSize(now);
        if (now === block) expect(codes).toEqual(['no error but 1']);
        else expect(codes.every((code) => /^(no error but 1|EDOUBLEFREE|EBADPTR)$/.test(code))).toBe(true);
        expect(sizes.every((size) => [24_576, after].includes(size))).toBe(true);
        scene.expectSound(RUN);
        return reached;
      });
    });

    test('and is freed by another thread meanwhile: it is freed once, and nothing is lost', () => {
      let late = 0;
      atEveryWrite((at) => {
        const { scene, block } = withBlock();
        let now = 0;
        let freed = false;
        let changed = false;
        const reached = scene.overtaken.overtake(
          () => (changed = succeeds(() => void (now = change(scene, block)), NO_BLOCK)),
          at,
          [() => (freed = succeeds(() => scene.fast.free(block), NO_BLOCK))],
        );
        expect(freed || changed).toBe(true);
        if (changed && now !== 0 && !(freed && now === block)) scene.live.add(now);
        // moved, and freed at its old place by the other: then that one was first to free it
        if (changed && freed && now !== block) late++;
        scene.expectSound(RUN);
        return reached;
      });
      expect(late).toBe(0);
    });

    test('and is changed by another thread as well: one of both moves it at most, and nothing is lost', () => {
      atEveryWrite((at) => {
        const { scene, block } = withBlock();
        const results: number[] = [];
        const resize = (heap: Heap, size: number) => () => void results.push(heap.realloc(block, size));
        const reached = scene.overtaken.overtake(
          () => succeeds(() => void results.push(change(scene, block)), NO_BLOCK),
          at,
          [() => succeeds(resize(scene.fast, 22_000), NO_BLOCK)],
        );
        // where the later one has moved it, what the earlier one got is gone
        const moved = results.filter((ptr) => ptr !== block);
        expect(moved.length).toBeLessThanOrEqual(1);
        for (const ptr of moved.length > 0 ? moved : results) scene.live.add(ptr);
        expect(scene.live.size).toBe(1);
        if (moved.length > 0) expect(codeOf(() => scene.fast.free(block))).toBe('EDOUBLEFREE');
        scene.expectSound(RUN);
        return reached;
      });
    });
  });

  test.each(['malloc of a run', 'free of a run', 'free of more runs than a cache may hold'])(
    'a dead thread has left the gate of another: that one’s cache is not repaired in the middle of its %s',
    (operation) => {
      const DEAD = 33;
      const HEIR = 44;
      let inside = 0;
      atEveryWrite((at) => {
        const scene = new RaceScene(hasBarrier);
        const { slow, fast, inner } = scene;
        const { threads } = scene.overtaken;
        const steps = OPERATIONS[operation](scene, slow, fast);
        Heap.attach(fast.handle, { host: threads.hostOf(DEAD) });
        const deadToken = tokenOf(DEAD_SLOT, inner.i32[slotAt(DEAD_SLOT) + Slot.generation]);
        let isBusy = 0;
        const reached = scene.overtaken.overtake(() => steps.forEach((step) => step()), at, [
          () => {
            isBusy = inner.i32[slotAt(SLOW_SLOT) + Slot.busy];
            inner.i32[slotAt(SLOW_SLOT) + Slot.gate] = deadToken; // it was about to begin a standstill
            threads.killSilently(DEAD);
          },
          () => Heap.attach(fast.handle, { host: threads.hostOf(HEIR) }).detach(), // recovers what the dead has left
        ]);
        if (isBusy) expect(scene.overtaken.waited).toBe(true);
        inside += isBusy;
        scene.expectSound(RUN);
        return reached;
      });
      expect(inside).toBeGreaterThan(1);
    },
  );

  test('a block whose length changes is no part of the own data of the heap', () => {
    const scene = new RaceScene(hasBarrier);
    const block = takeWithRoom(scene, scene.fast, RUN);
    scene.inner.pageMap.setTag(asPage(block / 4096), PageKind.resizing, 6);
    expect(() => scene.fast.free(block + 8)).toThrow(/inside the block/);
  });
});
