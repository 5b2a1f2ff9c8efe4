// Whatever word of a heap's own data rots: check notices it if it matters, and every call ends, with ECORRUPT if at all, and
// without a write outside of the region. The long form is `npm run fuzz:corruption`.

import { Calls, Extents, Slot, slotAt, tokenOf } from '#src/layout/region-layout';
import { Random, seedFor } from '../support/random';
import { fuzz } from './fuzz';
import { placesOf } from './places';
import { DEAD, Scene } from './scene';
import { Tally } from './tally';
import { runTrial, type Trial } from './trial';

const CASES = 300;
/** Milliseconds: ten times what they take on two processors that have nothing else to do. */
const LIMIT = 300_000;

test(
  'damage is noticed, and does no harm outside of the region nor to threads',
  async () => {
    const tally = await fuzz({ seed: seedFor('corruption') & 0x7fffffff, cases: CASES });
    expect(tally.faults).toEqual([]);
    expect(tally.tooLow()).toEqual([]);
    expect(tally.cases).toBe(CASES);
  },
  LIMIT,
);

test('a case is the same again from its seed', () => {
  const [first, second] = [0, 1].map(() => runTrial(12_345, 10));
  expect(second.damage).toBe(first.damage);
  expect([second.outcome, second.calls]).toEqual([first.outcome, first.calls]);
});

test('the heap that is damaged is in order before, and has something of every structure', () => {
  const scene = new Scene(new Random(7));
  expect(scene.heap.checkReport().problems).toEqual([]);
  expect(scene.isGuarded).toBe(true);
  const structures = new Set(placesOf(scene.inner).map(({ structure }) => structure));
  expect([...structures].sort()).toEqual([
    'backing',
    'bins',
    'block states',
    'cache entries',
    'cache tops',
    'caches',
    'extent counters',
    'first tags',
    'free extents',
    'free index',
    'hints',
    'identity',
    'inner tags',
    'list heads',
    'locks',
    'null page',
    'other pages',
    'redzones',
    'slab pages',
    'slabs',
    'slots',
    'state pages',
    'unbacked extents',
    'who has another slot',
    'who has the own slot',
  ]);
});

test('no word belongs to two structures', () => {
  const places = placesOf(new Scene(new Random(8)).inner);
  expect(new Set(places.map(({ word }) => word)).size).toBe(places.length);
});

test('a write outside of the region is seen', () => {
  const { heap, isGuarded } = new Scene(new Random(9));
  expect(isGuarded).toBe(true);
  for (const offset of [heap.byteOffset - 4, heap.byteOffset + heap.size]) {
    const scene = new Scene(new Random(9));
    new Int32Array(scene.heap.buffer, offset, 1)[0]++;
    expect(scene.isGuarded).toBe(false);
  }
});

test('a case that never ends is a finding, and the cases behind it are run', async () => {
  const tally = await fuzz({ seed: 100, cases: 4, threads: 1, patience: 300, worker: 'stuck-corrupter' });
  expect(tally.faults).toEqual(['seed 102: did not end']);
});

test('damage that is not noticed is told, unless it is harmless or believed', () => {
  const trial: Trial = {
    seed: 5,
    structure: 'bins',
    field: 'freeBlocks',
    damage: 'word 1: 2 became 3',
    harmless: undefined,
    outcome: 'unnoticed',
    codes: {},
    calls: 1,
    waits: 0,
    faults: [],
  };
  const tooLow = (...trials: Trial[]): string[] => {
    const tally = new Tally();
    for (const each of trials) tally.add(each);
    return tally.tooLow();
  };
  expect(tooLow(trial)).toEqual(['seed 5, bins, freeBlocks: word 1: 2 became 3']);
  expect(tooLow({ ...trial, harmless: 'a hint' })).toEqual([]);
  expect(tooLow({ ...trial, outcome: 'found' }, { ...trial, outcome: 'put right' })).toEqual([]);
  expect(tooLow({ ...trial, structure: 'who has another slot' })).toEqual([]);
});

// A lock or a flag that names a thread which lives, and is not at work, can't be told from one whose thread is slow. Others
// wait for that thread: until it ends, leaves, or does what takes that lock or raises that flag.

test.each([Calls.standstill, Extents.lock, slotAt(1) + Slot.gate])(
  'the lock at word %p that names a living thread is waited for until that thread has ended',
  (lock) => {
    const scene = new Scene(new Random(10));
    const { i32 } = scene.inner;
    i32[lock] = tokenOf(1, i32[slotAt(1) + Slot.generation]);
    scene.beginWaiting();
    expect(scene.heap.check()).toBe(1);
    expect([scene.waits, i32[lock]]).toEqual([1, 0]);
  },
);

test('a lock that names a thread which is dead, has left, or takes it itself, is taken over at once', () => {
  for (const slot of [0, DEAD, DEAD + 1]) {
    const scene = new Scene(new Random(11));
    const { i32 } = scene.inner;
    i32[Extents.lock] = tokenOf(slot, i32[slotAt(slot) + Slot.generation]);
    expect(scene.heap.check()).toBe(1);
    expect([scene.waits, i32[Extents.lock]]).toEqual([0, 0]);
  }
});

test('a flag that says that a living thread is at work is waited for until its next call, or its end', () => {
  const scene = new Scene(new Random(12));
  const { i32 } = scene.inner;
  const flag = slotAt(1) + Slot.busy;
  i32[flag] = 1;
  scene.heaps[1].free(scene.heaps[1].malloc(100));
  expect(i32[flag]).toBe(0);
  i32[flag] = 1;
  scene.beginWaiting();
  expect(scene.heap.check()).toBe(1);
  expect(scene.waits).toBe(1);
});
