// A thread dies with a lock, or half-way into or out of the table of threads; another one puts that right and dies at each
// write of it; a third one recovers both.

import type { Heap } from '@vmem-ts/allocator';
import {
  Backing,
  Bin,
  Calls,
  Extents,
  Slot,
  SlotOwner,
  binAt,
  slotAt,
  tokenOf,
} from '#src/layout/region-layout';
import { CLASS_SIZE } from '#src/slab/size-classes';
import { Findings, type Manner } from './aftermath';
import { Ghost } from './ghost';
import { dieAtEveryWrite, type Act } from './matrix';
import { MIB, SURVIVOR, Scene, type Place } from './scene';

const FIRST = 33;
const EARLIEST = 34;
/** The survivor, two that die before, and the one whose every death is played. */
const SLOTS = 4;

interface FirstDeath {
  readonly grows?: 'default';
  /** When the thread has attached. */
  readonly before?: (scene: Scene) => void;
  /** Undefined: the thread attaches. */
  readonly act?: (heap: Heap) => unknown;
  /** Whether the thread dies so. */
  readonly isSo: (scene: Scene) => boolean;
}

const binOf = (size: number): number => binAt(CLASS_SIZE.indexOf(size));
const holds =
  (lockOf: (scene: Scene) => number) =>
  (scene: Scene): boolean => {
    const { inner } = scene;
    const slot = inner.slotOf(FIRST);
    return inner.i32[lockOf(scene)] === tokenOf(slot, inner.i32[slotAt(slot) + Slot.generation]);
  };

const FIRST_DEATHS: Readonly<Record<string, FirstDeath>> = {
  'with the extent lock, as it takes pages': {
    act: (heap) => heap.malloc(50_000),
    isSo: holds(() => Extents.lock),
  },
  'with the extent lock, as it gives pages back': {
    act: (heap) => heap.free(heap.malloc(80_000)),
    isSo: holds(() => Extents.lock),
  },
  'with the lock of a bin': {
    act: (heap) => heap.malloc(2000),
    isSo: holds(() => binOf(2048) + Bin.lock),
  },
  'with the gate of its own cache': {
    act: (heap) => [24, 24, 24].map((size) => heap.malloc(size)).forEach((ptr) => heap.free(ptr)),
    isSo: holds(({ inner }) => slotAt(inner.slotOf(FIRST)) + Slot.gate),
  },
  'with the gate of another one’s cache': {
    before: ({ heap }) => heap.free(heap.malloc(24)),
    act: (heap) => heap.malloc(heap.size),
    isSo: holds(({ inner }) => slotAt(inner.slotOf(SURVIVOR)) + Slot.gate),
  },
  'with the standstill': {
    act: (heap) => heap.stats(),
    isSo: holds(() => Calls.standstill),
  },
  'with every lock': {
    act: (heap) => heap.check(),
    isSo: holds(() => Extents.lock),
  },
  'with the backing lock': {
    grows: 'default',
    act: (heap) => heap.malloc(2 * MIB),
    isSo: holds(() => Backing.lock),
  },
  'inside a fast section': {
    act: (heap) => heap.free(heap.malloc(24)),
    isSo: ({ inner }) => inner.i32[slotAt(inner.slotOf(FIRST)) + Slot.busy] === 1,
  },
  'as it attaches, without a cache': {
    isSo: ({ inner }) => inner.hasSlot(FIRST) && inner.cachePage(inner.slotOf(FIRST)) === 0,
  },
  'as it attaches, with a cache': {
    isSo: ({ inner }) => inner.hasSlot(FIRST) && inner.cachePage(inner.slotOf(FIRST)) !== 0,
  },
  'as it reaps a thread that died before': {
    before: (scene) => {
      const earliest = new Ghost(scene, EARLIEST);
      earliest.attach([24, 20_000]);
      earliest.die('loud');
    },
    act: (heap) => heap.malloc(2000),
    isSo: ({ inner }) => {
      const owners = Array.from({ length: SLOTS }, (_, slot) => inner.i32[slotAt(slot) + Slot.owner]);
      return owners.some((owner) => owner < SlotOwner.dead);
    },
  },
};

/** How the next one comes to what the first has left; true if it has attached before. */
const NEXT: Readonly<Record<string, { readonly isAttached: boolean; readonly act: Act }>> = {
  'finds no memory': {
    isAttached: true,
    act:
      ({ theirs, heap }) =>
      () =>
        theirs.malloc(heap.size),
  },
  checks: {
    isAttached: true,
    act:
      ({ theirs }) =>
      () =>
        theirs.heap.check(),
  },
  attaches: { isAttached: false, act: (scene) => () => scene.attachLast() },
};

/** The first, the middle and the last of the writes at which the thread can die so. */
function deathsLike(place: Place, first: FirstDeath): number[] {
  const scene = new Scene(place);
  const writes = prepared(scene, first).writesWhere(() => first.isSo(scene), first.act);
  expect(writes).not.toEqual([]);
  return [writes[0], writes[writes.length >> 1], writes[writes.length - 1]];
}

function prepared(scene: Scene, { before, act }: FirstDeath): Ghost {
  const ghost = new Ghost(scene, FIRST);
  if (act !== undefined) ghost.attach([24, 3000, 20_000]);
  before?.(scene);
  return ghost;
}

function dieFirst(scene: Scene, first: FirstDeath, fatal: number, manner: Manner): void {
  const ghost = prepared(scene, first);
  if (first.act === undefined) ghost.attach([], fatal);
  else ghost.act(first.act, fatal);
  ghost.die(manner);
}

const all = new Findings();

describe.each(Object.entries(FIRST_DEATHS))('what a thread leaves that died %s', (_, first) => {
  test.each(Object.entries(NEXT))(
    'is left to a third one by one that %s and dies at any write',
    (__, { isAttached, act }) => {
      const turn = Object.values(NEXT).findIndex((next) => next.act === act);
      const place = { hasBarrier: true, grows: first.grows, slots: SLOTS };
      const fatal = deathsLike(place, first)[turn];
      const { findings, failures } = dieAtEveryWrite(place, isAttached, (scene) => {
        dieFirst(scene, first, fatal, turn === 1 ? 'loud' : 'silent');
        return act(scene);
      });
      all.add(findings);
      expect(failures).toEqual([]);
    },
  );
});

afterAll(() => all.print('second deaths'));
