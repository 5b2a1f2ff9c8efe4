import { FastSections, type SectionOwners } from '#src/sync/fast-sections';
import { resultOf, startWorker } from '../support/worker';
import type { SectionTask } from '../workers/section-runner';
import { codeOf } from '../support/thrown';

// words of the real thread's, each on a cache line of its own
const BUSY = 0;
const GATE = 16;
const HALVES = 32;
const OVER = 48;

const MINE = 0;
const THEIRS = 1;

interface Setting {
  readonly words: Int32Array;
  readonly asked: number[];
  sections(barrier?: () => boolean): FastSections;
}

/** Two slots, whose busy words are words 0 and 1. */
function newSetting(owners: Partial<SectionOwners> = {}): Setting {
  const words = new Int32Array(new SharedArrayBuffer(16));
  const asked: number[] = [];
  const all: SectionOwners = {
    busyWords: Int32Array.of(0, 1),
    mayRun: () => true,
    isDead: (slot) => {
      asked.push(slot);
      if (asked.length > 3) throw new Error('waits for ever');
      return false;
    },
    ...owners,
  };
  return { words, asked, sections: (barrier) => new FastSections(words, all, MINE, barrier) };
}

test('a thread that is alone waits for nobody, and needs no barrier', () => {
  const { words, asked, sections } = newSetting({ mayRun: (slot) => slot === MINE });
  words[THEIRS] = 1;
  const barrier = jest.fn(() => true);
  sections(barrier).awaitOthers();
  expect([barrier.mock.calls.length, asked]).toEqual([0, []]);
  expect([sections().isCheap, sections(barrier).isCheap]).toEqual([true, true]);
});

test('with others it is cheap only with a barrier', () => {
  const { sections } = newSetting();
  expect([sections().isCheap, sections(() => true).isCheap]).toEqual([false, true]);
});

test('nobody inside: one barrier at least, and no question', () => {
  const { asked, sections } = newSetting();
  const barrier = jest.fn(() => true);
  sections(barrier).awaitOthers();
  expect(barrier.mock.calls.length).toBeGreaterThan(0);
  expect(asked).toEqual([]);
});

test('its own section is not waited for', () => {
  const { words, asked, sections } = newSetting();
  words[MINE] = 1;
  sections(() => true).awaitOthers();
  expect(asked).toEqual([]);
});

test('a section that shows after the barrier is waited for until it is over', () => {
  const words: { all: Int32Array } = { all: new Int32Array() };
  let asked = 0;
  const setting = newSetting({
    isDead: () => {
      if (++asked === 2) words.all[THEIRS] = 0; // it is over
      return false;
    },
  });
  words.all = setting.words;
  const barrier = (): boolean => {
    if (asked === 0) setting.words[THEIRS] = 1; // its store comes out
    return true;
  };
  setting.sections(barrier).awaitOthers();
  expect(asked).toBe(2);
});

test('a flag that an exception left up goes down, one that says something else stays', () => {
  const { words, sections } = newSetting();
  for (const [flag, then] of [
    [1, 0],
    [2, 2],
  ]) {
    words[MINE] = flag;
    sections(() => true).awaitOthers();
    expect(words[MINE]).toBe(then);
  }
});

test('the section of a thread that died inside is not waited for', () => {
  const dead = jest.fn(() => true);
  const { words, sections } = newSetting({ isDead: dead });
  words[THEIRS] = 1;
  sections(() => true).awaitOthers();
  expect(dead).toHaveBeenCalledWith(THEIRS);
});

test.each([3, -1, 0x5a5a5a5a])('a flag that says %p is damage, and nothing to wait for', (flag) => {
  const { words, sections } = newSetting();
  words[THEIRS] = flag;
  expect(codeOf(() => sections(() => true).awaitOthers())).toBe('ECORRUPT');
});

test('nor is that of one that is known to be dead by then', () => {
  let asked = 0;
  const { words, sections } = newSetting({ mayRun: () => ++asked < 3 });
  words[THEIRS] = 1;
  sections(() => true).awaitOthers();
});

test.each([
  ['without a barrier', undefined],
  ['where the barrier fails', () => false],
])('%s it waits until stores have settled', (_, barrier) => {
  const { sections } = newSetting();
  const start = performance.now();
  sections(barrier).awaitOthers();
  expect(performance.now() - start).toBeGreaterThan(0.04);
});

test('once it has waited, no section of a real thread is half done, and none that begins misses the gate', async () => {
  const words = new Int32Array(new SharedArrayBuffer(4 * 64));
  const worker = startWorker('section-runner', {
    words,
    busy: BUSY,
    gate: GATE,
    halves: HALVES,
    over: OVER,
  } satisfies SectionTask);
  const result = resultOf(worker);
  const owners: SectionOwners = {
    busyWords: Int32Array.of(BUSY + 1, BUSY),
    mayRun: () => true,
    isDead: () => false,
  };
  const sections = new FastSections(words, owners, MINE, undefined);
  while (Atomics.load(words, HALVES) < 1000);
  let torn = 0;
  let moved = 0;
  for (let round = 0; round < 3000; round++) {
    words[GATE] = 1;
    sections.awaitOthers();
    const [first, second] = [words[HALVES], words[HALVES + 1]];
    if (first !== second) torn++;
    for (let look = 0; look < 50; look++)
      if (words[HALVES] !== first || words[HALVES + 1] !== second) moved++;
    Atomics.store(words, GATE, 0);
    for (let pause = (round * 37) % 500; pause > 0; pause--) Atomics.load(words, GATE);
  }
  Atomics.store(words, OVER, 1);
  const done = await result;
  expect([torn, moved]).toEqual([0, 0]);
  expect(done).toBeGreaterThan(3000);
});
