import { ABANDONED, OwnedLocks } from '#src/sync/lock';
import { codeOf } from '../support/thrown';
import { runWorker } from '../support/worker';
import type { CounterTask } from '../workers/lock-counter';

const ME = 0x101;
const OTHER = 0x202;

/** Word 0: owner, word 1: whether somebody may sleep for it, word 2: a counter. */
const newWords = (): Int32Array => new Int32Array(new SharedArrayBuffer(16));
const never = (): never => {
  throw new Error('should not be asked');
};

test('threads that count under the lock miss nothing', async () => {
  const words = newWords();
  const threads = 3;
  const times = 700_000;
  const task = { buffer: words.buffer as SharedArrayBuffer, times, threads };
  const tasks = Array.from({ length: threads }, (_, i): CounterTask => ({ ...task, token: i + 1 }));
  expect(await Promise.all(tasks.map((each) => runWorker('lock-counter', each)))).toEqual([0, 0, 0]);
  expect([...words]).toEqual([0, 0, threads * times, threads]);
}, 60_000);

test('a free lock is taken at once, and its owner stands in it', () => {
  const words = newWords();
  const locks = new OwnedLocks(words, ME, never, never);
  expect([locks.holds(0), locks.owner(0)]).toEqual([false, 0]);
  locks.lock(0);
  expect([locks.holds(0), locks.owner(0)]).toEqual([true, ME]);
  locks.unlock(0);
  expect([...words]).toEqual([0, 0, 0, 0]);
});

test('who gives way waits only where its unlock has woken somebody', () => {
  const words = newWords();
  const locks = new OwnedLocks(words, ME, never, never);
  const wait = jest.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
  const pass = (): void => {
    locks.lock(0);
    locks.unlock(0);
    locks.giveWay(0);
  };
  pass();
  expect(wait).not.toHaveBeenCalled();
  const notify = jest.spyOn(Atomics, 'notify').mockReturnValueOnce(1);
  words[1] = 1;
  pass();
  expect(wait.mock.calls).toEqual([[words, 0, 0, 1]]);
  words[1] = 1; // a sleeper that died
  pass();
  expect(notify).toHaveBeenCalledTimes(2);
  expect(wait).toHaveBeenCalledTimes(1);
  wait.mockRestore();
  notify.mockRestore();
});

test('a sleeper that died costs those who come later one wake-up, and no more', () => {
  const words = newWords();
  const locks = new OwnedLocks(words, ME, never, never);
  const notify = jest.spyOn(Atomics, 'notify');
  words[1] = 1;
  for (let round = 0; round < 3; round++) {
    locks.lock(0);
    locks.unlock(0);
  }
  expect(notify.mock.calls).toEqual([[words, 0, 1]]);
  expect([...words]).toEqual([0, 0, 0, 0]);
  notify.mockRestore();
});

test('who has slept for a lock wakes the next one', () => {
  const words = newWords();
  words[0] = OTHER;
  const locks = new OwnedLocks(words, ME, () => false, never);
  const wait = jest.spyOn(Atomics, 'wait').mockImplementation(() => {
    words[0] = 0; // the other one lets go, and took the flag down before
    words[1] = 0;
    return 'ok';
  });
  const notify = jest.spyOn(Atomics, 'notify');
  locks.lock(0);
  expect([words[0], words[1]]).toEqual([ME, 1]);
  locks.unlock(0);
  expect(notify.mock.calls).toEqual([[words, 0, 1]]);
  expect([words[0], words[1]]).toEqual([0, 0]);
  wait.mockRestore();
  notify.mockRestore();
});

test('the lock of a thread that is gone is taken over, and repaired while it is held', () => {
  const words = newWords();
  words[0] = OTHER;
  const repaired: number[] = [];
  const locks = new OwnedLocks(
    words,
    ME,
    (owner) => owner === OTHER,
    (at) => repaired.push(at, locks.owner(at)),
  );
  const start = performance.now();
  locks.lock(0);
  expect(performance.now() - start).toBeLessThan(1000);
  expect(repaired).toEqual([0, ME]);
  expect([...words.subarray(0, 2)]).toEqual([ME, 1]);
});

test('a lock that its owner abandoned is taken over at once, nobody is asked, and it is repaired', () => {
  const words = newWords();
  words[0] = ABANDONED;
  const repaired: number[] = [];
  const locks = new OwnedLocks(words, ME, never, (at) => repaired.push(at, locks.owner(at)));
  locks.lock(0);
  expect(repaired).toEqual([0, ME]);
  expect([...words.subarray(0, 2)]).toEqual([ME, 0]);
});

test('a lock that is abandoned while others wait for it is repaired once', () => {
  const words = newWords();
  words[0] = OTHER;
  let repairs = 0;
  const isGone = (): boolean => {
    words[0] = ABANDONED;
    return false;
  };
  new OwnedLocks(words, ME, isGone, () => repairs++).lock(0);
  expect(repairs).toBe(1);
  expect([...words.subarray(0, 2)]).toEqual([ME, 1]);
});

test('a repair that fails leaves the lock with the one who tried, who abandons it again', () => {
  const words = newWords();
  words[0] = ABANDONED;
  const failing = new OwnedLocks(words, ME, never, () => {
    throw new Error('no stack');
  });
  expect(() => failing.lock(0)).toThrow('no stack');
  expect([...words.subarray(0, 2)]).toEqual([ME, 0]);
});

test('a living owner is waited for, and asked about now and then', () => {
  const words = newWords();
  words[0] = OTHER;
  let asked = 0;
  const isGone = (): boolean => {
    if (++asked === 3) words[0] = 0; // it lets go
    return false;
  };
  new OwnedLocks(words, ME, isGone, never).lock(0);
  expect(asked).toBe(3);
  expect([...words.subarray(0, 2)]).toEqual([ME, 1]);
});

test('an owner that is known to be dead is not waited for', () => {
  const words = newWords();
  words[0] = OTHER;
  const inquiries: boolean[] = [];
  const isGone = (_owner: number, inquire: boolean): boolean => inquiries.push(inquire) > 0;
  new OwnedLocks(words, ME, isGone, () => undefined).lock(0);
  expect(inquiries).toEqual([false]);
});

test('of two that would take over one lock, one does and repairs', () => {
  const words = newWords();
  words[0] = OTHER;
  const repairs: number[] = [];
  const lockOf = (me: number): OwnedLocks =>
    new OwnedLocks(
      words,
      me,
      (owner) => owner === OTHER,
      () => repairs.push(me),
    );
  const [fast, late] = [lockOf(5), lockOf(ME)];
  fast.lock(0);
  expect(late.seize(0, OTHER)).toBe(false);
  fast.unlock(0);
  late.lock(0);
  expect(repairs).toEqual([5]);
  expect(late.holds(0)).toBe(true);
});

test('an error about the owner leaves the lock as it was, and one needless wake-up', () => {
  const words = newWords();
  words[0] = OTHER;
  const locks = new OwnedLocks(words, ME, never, never);
  expect(() => locks.lock(0)).toThrow('should not be asked');
  expect([...words.subarray(0, 2)]).toEqual([OTHER, 1]);
});

test('memory that is not shared can be locked, waited for and taken over', () => {
  const words = new Int32Array(4);
  const locks = new OwnedLocks(
    words,
    ME,
    () => true,
    (at) => (words[2] = at + 9),
  );
  locks.lock(0);
  locks.unlock(0);
  words[0] = OTHER;
  locks.lock(0);
  expect([...words]).toEqual([ME, 1, 9, 0]);
});

test('two locks of one array do not touch each other', () => {
  const words = newWords();
  const locks = new OwnedLocks(words, ME, never, never);
  locks.lock(0);
  locks.lock(2);
  locks.unlock(0);
  expect([...words]).toEqual([0, 0, ME, 0]);
});

describe('what is done with a lock', () => {
  test('has it, and lets go of it', () => {
    const words = newWords();
    const locks = new OwnedLocks(words, ME, never, never);
    expect(locks.during(0, () => [locks.holds(0), locks.during(2, () => words[2])])).toEqual([true, ME]);
    expect([...words]).toEqual([0, 0, 0, 0]);
  });

  test('leaves every lock that it holds for repair when it throws', () => {
    const words = newWords();
    const locks = new OwnedLocks(words, ME, never, never);
    expect(() => locks.during(0, () => locks.during(2, never))).toThrow('should not be asked');
    expect([...words]).toEqual([ABANDONED, 0, ABANDONED, 0]);
  });

  test('leaves a lock that another thread has to that one', () => {
    const words = newWords();
    words[0] = OTHER;
    const locks = new OwnedLocks(words, ME, never, never);
    expect(() => locks.during(0, () => 'not run')).toThrow('should not be asked');
    expect([...words]).toEqual([OTHER, 1, 0, 0]);
  });

  test('is not done in a heap that was deleted while it waited; nothing is left to repair', () => {
    const words = newWords();
    const locks = new OwnedLocks(words, ME, never, never);
    expect(codeOf(() => locks.during(0, never, { isOpen: false }))).toBe('ECLOSED');
    expect([...words]).toEqual([0, 0, 0, 0]);
    expect(locks.during(0, () => 'done', { isOpen: true })).toBe('done');
  });
});

test('a lock that is inherited is repaired and free, unless somebody else has it by now', () => {
  const words = newWords();
  words[0] = OTHER;
  const repaired: number[] = [];
  const locks = new OwnedLocks(words, ME, never, (at) => repaired.push(at, locks.owner(at)));
  locks.inherit(0, 5);
  expect([[...words], repaired]).toEqual([[OTHER, 0, 0, 0], []]);
  locks.inherit(0, OTHER);
  expect([[...words], repaired]).toEqual([
    [0, 0, 0, 0],
    [0, ME],
  ]);
});

test('a lock whose repair fails as it is inherited is left for the next one', () => {
  const words = newWords();
  words[0] = OTHER;
  expect(() => new OwnedLocks(words, ME, never, never).inherit(0, OTHER)).toThrow('should not be asked');
  expect([...words]).toEqual([ABANDONED, 0, 0, 0]);
});
