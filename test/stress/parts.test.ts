// What the stress program is made of: each check of it finds what it is there for.

import { VMEM_MIN_POOL, Vmem } from '@vmem-ts/vmem-api';
import { filePool } from '../support/pools';
import { auditPool, closePool, openPool, type TrialPool } from './audit';
import { Board, CONTROL_ROW } from './board';
import { wayOf } from './deaths';
import { judge, type Interval } from './endurance';
import { LOST, entryOf, markOf, placesOf, ptrOf } from './ledger';
import { LockWatch } from './lock-watch';
import { describeLocks, lockWordsOf } from './lock-words';
import { UsageError, readOptions } from './options';
import { PROFILES } from './profiles';
import { holdsOf, holdsText } from './stalls';

const MARK = 99;
const PLACE = placesOf(3);

function poolWithBlock(): { trial: TrialPool; pool: Vmem; ptr: number } {
  const pool = filePool(VMEM_MIN_POOL, { backend: 'anonymous' });
  const trial = openPool(pool, 7);
  const ptr = pool.malloc(300);
  trial.cookies.write(ptr, 300, MARK);
  trial.words[PLACE] = entryOf(ptr, MARK);
  return { trial, pool, ptr };
}

describe('an audit', () => {
  it('passes a pool whose blocks are known, and leaves nothing of it in the end', () => {
    const { trial } = poolWithBlock();
    expect(auditPool(trial)).toMatchObject({ found: 0 });
    closePool(trial);
  });

  it.each([
    ['damage', 'does not hold', ({ trial, ptr }) => void (trial.cookies.words[(ptr >> 2) + 74] ^= 1)],
    [
      'a block that was freed',
      'is not live',
      ({ pool, ptr }) => {
        pool.free(ptr);
      },
    ],
    [
      'a block in two places',
      'another place',
      ({ trial }) => void (trial.words[PLACE + 1] = trial.words[PLACE]),
    ],
    [
      'a block that nobody has',
      '1 live blocks that nobody has',
      ({ trial }) => void (trial.words[PLACE] = 0),
    ],
  ] as [string, string, (scene: ReturnType<typeof poolWithBlock>) => void][])(
    'finds %s',
    (_, message, plant) => {
      const scene = poolWithBlock();
      plant(scene);
      expect(() => auditPool(scene.trial)).toThrow(message);
    },
  );

  it('frees what the dead had in their hands', () => {
    const { trial, pool } = poolWithBlock();
    trial.words[PLACE] = 0;
    trial.words[LOST] = 1;
    expect(auditPool(trial)).toMatchObject({ found: 1 });
    expect(pool.stats().liveBlocks).toBe(0);
  });

  it('finds at the end that another thread is still there', () => {
    const { trial, pool } = poolWithBlock();
    Vmem.attach(pool.handle);
    expect(() => {
      closePool(trial);
    }).toThrow('stats.threads is 1 too many');
  });
});

it('an entry of a ledger holds the last granule and the last mark', () => {
  const last = 256 * 2 ** 20 - 8;
  const entry = entryOf(last, 127);
  expect([ptrOf(entry), markOf(entry), ptrOf(entry | 0), markOf(entry | 0)]).toEqual([last, 127, last, 127]);
});

it('every second victim is terminated, the others die in all other ways', () => {
  const ways = Array.from({ length: 20 }, (_, n) => wayOf(n));
  expect(ways.filter((way) => way === 'terminate')).toHaveLength(10);
  expect(new Set(ways).size).toBe(6);
});

it('the locks of a pool are found where the format has them', () => {
  const pool = filePool(VMEM_MIN_POOL, { backend: 'anonymous', threads: 2 });
  const lines = (): string[] => describeLocks(pool.buffer, pool.byteOffset);
  expect(lines()).toEqual([expect.stringMatching(/^slot 0: thread \d+$/)]);
  // the extent lock: taken by the first thread of slot 0, and slept for
  const words = new Int32Array(pool.buffer, pool.byteOffset);
  words.set([(1 << 30) | (1 << 8) | 1, 1], 1056);
  expect(lines()[0]).toBe('extents: taken by slot 0, slept for');
  expect(pool.check()).toBe(1); // takes the lock over: its owner is the caller
  pool.delete();
});

it('locks that others sleep for are watched for how long one thread has them, and whether it lives', () => {
  const pool = filePool(VMEM_MIN_POOL, { backend: 'anonymous', threads: 2 });
  const words = lockWordsOf(pool.buffer, pool.byteOffset);
  const board = new Board();
  const watch = new LockWatch(board, CONTROL_ROW);
  const lookAt = (times: readonly number[], owner: number, sleptFor: number): void => {
    words.set([owner, sleptFor], 1056);
    for (const now of times) watch.look(now);
  };
  const [mine, another] = [1, 2].map((slot) => (1 << 30) | (1 << 8) | slot);
  watch.watch([words]);
  lookAt([0, 4, 10], mine, 1);
  lookAt([20, 50], mine, 0); // nobody is held up
  lookAt([60, 64], mine, 1);
  expect(holdsOf(board, CONTROL_ROW).extents).toMatchObject({ ms: 10, ofDeadMs: 0 });
  lookAt([70, 71, 75, 82], another, 1); // there is nobody in that slot
  lookAt([90], 0, 0);
  const holds = holdsOf(board, CONTROL_ROW);
  expect(holds.extents).toMatchObject({ ms: 12, ofDeadMs: 12 });
  expect([holds.gates.ms, holds.bins.ms]).toEqual([0, 0]);
  expect(holdsText(holds)).toContain('extents 12.0 (');
  watch.watch([]);
  pool.delete();
});

describe('the verdict on a run', () => {
  const interval = (stage: number, change: Partial<Interval> = {}): Interval => ({
    seconds: stage,
    profile: PROFILES[stage % PROFILES.length].name,
    workers: 2,
    operations: stage * 1000,
    operationsPerSecond: 1000,
    operationsPerControl: 1 + 0.1 * (stage % PROFILES.length),
    deaths: 0,
    fileBytes: 1e6,
    liveShare: 0.5,
    fragmentation: 0.2,
    longestStallMs: 1,
    longestControlMs: 1,
    ...change,
  });
  const stages = PROFILES.length * 10;
  const runOf = (late: Partial<Interval>): Interval[] =>
    Array.from({ length: stages }, (_, stage) =>
      interval(stage, stage < PROFILES.length ? { fileBytes: 1 } : stage < stages / 2 ? {} : late),
    );

  it('is that a level one is level', () => {
    expect(judge(runOf({}))).toMatchObject({ intervals: PROFILES.length, isLevel: true });
    expect(judge(runOf({}).slice(0, 2 * PROFILES.length))).toBeUndefined();
  });

  it.each([{ operationsPerControl: 0.7 }, { fileBytes: 1.2e6 }, { fragmentation: 0.3 }])(
    'finds %p',
    (late) => {
      expect(judge(runOf(late))?.isLevel).toBe(false);
    },
  );
});

describe('the command line', () => {
  it('has what is asked for in the long run as its default', () => {
    const { operations, workers, kills, pools } = readOptions([]);
    expect({ operations, workers, kills, pools }).toEqual({
      operations: 1e8,
      workers: { least: 2, most: 16 },
      kills: 0,
      pools: 3,
    });
    expect(readOptions(['--kills', '5', '--grow', '--seed', '3'])).toMatchObject({
      operations: 0,
      kills: 5,
      grow: true,
      seed: 3,
    });
  });

  it.each([
    ['--workers', '0-3'],
    ['--workers', '5-3'],
    ['--hours', '-1'],
    ['--policy', 'none'],
    ['--size', '13'],
    ['--dir', '/no/such/directory'],
    ['--bogus', '1'],
  ])('refuses %s %s', (name, value) => {
    expect(() => readOptions([`${name}=${value}`])).toThrow(UsageError);
  });
});
