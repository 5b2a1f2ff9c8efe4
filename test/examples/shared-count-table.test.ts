// The count table of the word count: by itself, with memory running out at every place, and with several threads.

import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { SharedCountTable, type SharedHeap } from '@vmem-ts/examples/word-count/shared-count-table';
import { VMEM_MIN_POOL, Vmem, VmemError } from '@vmem-ts/vmem-api';
import fc from 'fast-check';
import { coarseHash } from './coarse-hash';
import type { AdderTask } from './workers/table-adder';

const NODE_MAJOR = Number(process.versions.node.split('.')[0]);
/** Of 32: with 0 all keys are in one chain; with 3 they share all tables but the last; 32 is the real hash. */
const HASH_BITS = [0, 3, 7, 32];

let pool: Vmem;

beforeEach(() => {
  pool = Vmem.create(tmpdir(), VMEM_MIN_POOL);
});

afterEach(() => {
  pool.delete();
});

const contents = (table: SharedCountTable): Map<string, number> => {
  const entries = [...table];
  const map = new Map(entries);
  expect(map.size).toBe(entries.length); // no key comes twice
  return map;
};

function expectNothingLeft(table: SharedCountTable): void {
  table.dispose();
  expect(pool.stats().liveBlocks).toBe(0);
  expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
}

/** What an addition threw: `ENOMEM`, or `none`. */
function codeOf(act: () => void): string {
  try {
    act();
    return 'none';
  } catch (error) {
    if (error instanceof VmemError) return error.code;
    throw error;
  }
}

describe('in one thread', () => {
  test('counts are as added, and dispose frees every block', () => {
    const table = SharedCountTable.create(pool);
    table.add(Buffer.from('apple'));
    table.add(Buffer.from('apple'), undefined, undefined, 41);
    table.add(Buffer.from('an apple a day'), 9, 10);
    expect(table.get(Buffer.from('apple'))).toBe(42);
    expect(table.get(Buffer.from('a'))).toBe(1);
    expect(table.get(Buffer.from('pear'))).toBe(0);
    expect(contents(table)).toEqual(
      new Map([
        ['apple', 42],
        ['a', 1],
      ]),
    );
    expectNothingLeft(table);
  });

  test('a key may be empty, long or not ASCII', () => {
    const table = SharedCountTable.create(pool);
    const keys = ['', 'naïve 漢字 🦊', 'x'.repeat(100_000)];
    for (const key of keys) table.add(Buffer.from(key));
    expect(contents(table)).toEqual(new Map(keys.map((key) => [key, 1])));
    expectNothingLeft(table);
  });

  test.each(HASH_BITS)('it counts as a Map does, with %i bits of hash', (hashBits) => {
    const key = fc.oneof(fc.string({ maxLength: 3 }), fc.string({ unit: 'grapheme', maxLength: 20 }));
    const additions = fc.array(fc.tuple(key, fc.integer({ min: 1, max: 2 ** 31 - 1 })), { maxLength: 200 });
    fc.assert(
      fc.property(additions, (list) => {
        const table = SharedCountTable.create(pool, coarseHash(hashBits));
        const model = new Map<string, number>();
        for (const [word, times] of list) {
          const bytes = Buffer.from(word);
          table.add(bytes, 0, bytes.length, times);
          model.set(word, (model.get(word) ?? 0) + times);
          expect(table.get(bytes)).toBe(model.get(word));
        }
        expect(contents(table)).toEqual(model);
        table.dispose();
        expect(pool.stats().liveBlocks).toBe(0);
      }),
      { numRuns: 50 },
    );
    expect(pool.check()).toBe(1);
  });

  test('a count goes on above 2^32, and says so when it reaches 2^53', () => {
    const table = SharedCountTable.create(pool);
    const key = Buffer.from('often');
    const most = 2 ** 31 - 1;
    for (let i = 0; i < 5; i++) table.add(key, 0, key.length, most);
    expect(table.get(key)).toBe(5 * most);

    const words = new Int32Array(pool.buffer, pool.byteOffset, pool.size / 4);
    const low = words.findIndex((word, i) => word === (5 * most) % 2 ** 32 && words[i + 1] === 2);
    expect(low).toBeGreaterThan(0);
    words.set([-1, 2 ** 21 - 1], low); // as if it had been counted 2^53 - 1 times
    expect(table.get(key)).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => table.add(key)).toThrow(
      new RangeError('a count has reached 2^53: numbers do not represent it exactly any more'),
    );
    expectNothingLeft(table);
  });

  test.each([0, -1, 1.5, NaN, 2 ** 31, '1'])('a key cannot be added %p times', (times) => {
    const table = SharedCountTable.create(pool);
    expect(() => table.add(Buffer.from('a'), 0, 1, times as number)).toThrow(RangeError);
    expect(contents(table).size).toBe(0);
  });

  test('a disposed table refuses keys and has nothing to iterate', () => {
    const table = SharedCountTable.create(pool);
    table.add(Buffer.from('a'));
    table.dispose();
    table.dispose();
    expect(codeOf(() => table.add(Buffer.from('a')))).toBe('ECLOSED');
    expect(codeOf(() => void table.get(Buffer.from('a')))).toBe('ECLOSED');
    expect(contents(table).size).toBe(0);
    expectNothingLeft(table);
  });
});

describe('where memory runs out', () => {
  /** Room for so many more blocks. */
  function limited(heap: Vmem, allowed: number): SharedHeap & { allowed: number } {
    return {
      allowed,
      malloc(size) {
        return this.allowed-- > 0 ? heap.malloc(size) : 0;
      },
      calloc(count, size) {
        return this.allowed-- > 0 ? heap.calloc(count, size) : 0;
      },
      free: (ptr) => heap.free(ptr),
      buffer: heap.buffer,
      byteOffset: heap.byteOffset,
      size: heap.size,
    };
  }

  test('no table is made without a block for its buckets', () => {
    expect(codeOf(() => void SharedCountTable.create(limited(pool, 0)))).toBe('ENOMEM');
    expect(pool.stats().liveBlocks).toBe(0);
  });

  test.each(HASH_BITS)('the table is as before, whichever malloc fails, with %i bits of hash', (hashBits) => {
    const words = Array.from({ length: 60 }, (_, i) => Buffer.from(`word ${i % 40}`));
    for (let allowed = 1, failures = 1; failures > 0; allowed++) {
      const heap = limited(pool, allowed);
      const table = SharedCountTable.create(heap, coarseHash(hashBits));
      const model = new Map<string, number>();
      failures = 0;
      for (const word of words) {
        const count = table.get(word);
        if (codeOf(() => table.add(word)) !== 'none') {
          failures++;
          expect(table.get(word)).toBe(count);
          expect(contents(table)).toEqual(model);
          heap.allowed = Infinity; // one failure, and memory is there again
          table.add(word);
        }
        model.set(word.toString(), (model.get(word.toString()) ?? 0) + 1);
      }
      expect(contents(table)).toEqual(model);
      table.dispose();
      expect(pool.stats().liveBlocks).toBe(0);
    }
    expect(pool.check()).toBe(1);
  });

  test('a table that has filled its pool keeps what it has, and gives all of it back', () => {
    const table = SharedCountTable.create(pool);
    const model = new Map<string, number>();
    let code = 'none';
    for (let i = 0; code === 'none'; i++) {
      const word = `${'long '.repeat(100)}${i}`;
      code = codeOf(() => table.add(Buffer.from(word)));
      if (code === 'none') model.set(word, 1);
    }
    expect(code).toBe('ENOMEM');
    expect(model.size).toBeGreaterThan(10_000);
    table.add(Buffer.from(`${'long '.repeat(100)}0`)); // one that is there needs no memory
    model.set(`${'long '.repeat(100)}0`, 2);
    expect(contents(table)).toEqual(model);
    expectNothingLeft(table);
  });
});

describe('where another thread comes first', () => {
  const KEYS = Array.from({ length: 12 }, (_, i) => Buffer.from(`key ${i}`));

  /** While the heap makes its block of that number, `interfere` runs: what a thread does that is faster than this one. */
  function overtaken(at: number, interfere: () => void): SharedHeap {
    let blocks = 0;
    const meanwhile = (ptr: number): number => {
      if (++blocks === at) interfere();
      return ptr;
    };
    const { buffer, byteOffset, size } = pool;
    return {
      malloc: (bytes) => meanwhile(pool.malloc(bytes)),
      calloc: (count, bytes) => meanwhile(pool.calloc(count, bytes)),
      free: (ptr) => pool.free(ptr),
      ...{ buffer, byteOffset, size },
    };
  }

  describe.each(HASH_BITS)('with %i bits of hash', (hashBits) => {
    test.each([
      ['one of the same keys', (i: number) => [i]],
      ['another key', (i: number) => [(i + 5) % KEYS.length]],
      ['all keys', () => KEYS.map((_, i) => i)],
    ])('and adds %s, at any of its blocks', (_, keysOf) => {
      let interfered = true;
      for (let at = 1; interfered; at++) {
        interfered = false;
        const counts = KEYS.map(() => 0);
        const shared = SharedCountTable.create(pool, coarseHash(hashBits));
        let current = 0;
        const heap = overtaken(at, () => {
          interfered = true;
          for (const i of keysOf(current)) {
            shared.add(KEYS[i]);
            counts[i]++;
          }
        });
        const mine = SharedCountTable.attach(heap, shared.handle, coarseHash(hashBits));
        for (current = 0; current < KEYS.length; current++) {
          mine.add(KEYS[current]);
          counts[current]++;
        }
        expect(contents(shared)).toEqual(new Map(counts.map((count, i) => [`key ${i}`, count])));
        shared.dispose();
        expect(pool.stats().liveBlocks).toBe(0);
      }
    });
  });
});

describe('in a large heap', () => {
  /** Memory from `start` on, handed out once. */
  function heapFrom(start: number): SharedHeap {
    const size = start + 2 ** 24;
    let next = start;
    const take = (bytes: number): number => {
      const ptr = next;
      next += Math.ceil(bytes / 8) * 8;
      return ptr;
    };
    const buffer = new SharedArrayBuffer(size, { maxByteLength: size });
    return {
      malloc: take,
      calloc: (count, each) => take(count * each),
      free: () => {},
      buffer,
      byteOffset: 0,
      size,
    };
  }

  const starts =
    NODE_MAJOR < 22 ? [2 ** 31 - 2 ** 12] : [2 ** 31 - 2 ** 12, 2 ** 32 - 2 ** 12, 2 ** 34 - 2 ** 24];

  test.each(starts)('entries and buckets lie at %d and above', (start) => {
    const table = SharedCountTable.create(heapFrom(start), coarseHash(7));
    const words = Array.from({ length: 1000 }, (_, i) => `word ${i}`);
    for (const word of words) table.add(Buffer.from(word));
    for (const word of words) table.add(Buffer.from(word));
    expect(contents(table)).toEqual(new Map(words.map((word) => [word, 2])));
  });

  test('one that slots do not reach is refused', () => {
    const heap = { ...heapFrom(0), size: 2 ** 34 + 4096 };
    expect(codeOf(() => void SharedCountTable.create(heap))).toBe('ENOTSUP');
    expect(codeOf(() => void SharedCountTable.attach(heap, { root: 4096 }))).toBe('ENOTSUP');
  });
});

describe('in several threads', () => {
  const THREADS = 4;
  /** Of a table below the root: 16 words. */
  const TABLE_BYTES = 64;
  /** One for each thread: the steps in which it goes through the keys. */
  const STRIDES = [1, 5, 7, 11];
  const workers: Worker[] = [];

  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
  });

  type Adding = Pick<AdderTask, 'hashBits' | 'keys' | 'rounds'>;

  function startAdders(
    table: SharedCountTable,
    adding: Adding,
    strides = STRIDES,
    lockstep = false,
  ): Worker[] {
    const steps = new SharedArrayBuffer(4);
    const common = {
      ...adding,
      pool: pool.handle,
      table: table.handle,
      threads: strides.length,
      steps,
      lockstep,
    };
    for (const stride of strides) {
      const workerData: AdderTask = { ...common, stride };
      workers.push(new Worker(join(__dirname, 'workers/table-adder.js'), { workerData }));
    }
    return workers;
  }

  const ended = (worker: Worker): Promise<unknown> => once(worker, 'exit'); // rejects on 'error'

  test.each([
    { hashBits: 0, keys: 13, rounds: 20_000 },
    { hashBits: 3, keys: 101, rounds: 3000 },
    { hashBits: 32, keys: 13, rounds: 20_000 },
  ])('no increment of a shared key is lost: %p', async (task) => {
    const table = SharedCountTable.create(pool, coarseHash(task.hashBits));
    await Promise.all(startAdders(table, task).map(ended));
    const expected = Array.from(
      { length: task.keys },
      (_, i) => [`key ${i}`, THREADS * task.rounds] as const,
    );
    expect(contents(table)).toEqual(new Map(expected));
    expectNothingLeft(table);
  });

  test.each([
    ['the same key', [1, 1]],
    ['another key', [1, 2]],
  ])('two that bring %s at the same moment lose nothing', async (_, strides) => {
    const task = { hashBits: 11, keys: 2003, rounds: 1 };
    const table = SharedCountTable.create(pool, coarseHash(task.hashBits));
    await Promise.all(startAdders(table, task, strides, true).map(ended));
    expect(contents(table)).toEqual(new Map(Array.from({ length: task.keys }, (_, i) => [`key ${i}`, 2])));
    expectNothingLeft(table);
  });

  test.each<Adding>([
    { hashBits: 7, keys: 1009, rounds: 3 },
    { hashBits: 32, keys: 50_021, rounds: 3 },
  ])('it grows while all add new keys and one reads: %p', async (task) => {
    const table = SharedCountTable.create(pool, coarseHash(task.hashBits));
    const all = Promise.all(startAdders(table, task).map(ended));
    let running = true;
    const stop = (): void => {
      running = false;
    };
    all.then(stop, stop);
    const probe = Buffer.from('key 7');
    let last = 0;
    let size = 0;
    while (running) {
      await setImmediate();
      const seen = contents(table);
      expect(seen.size).toBeGreaterThanOrEqual(size);
      expect(Math.max(0, ...seen.values())).toBeLessThanOrEqual(THREADS * task.rounds);
      expect(table.get(probe)).toBeGreaterThanOrEqual(last);
      last = table.get(probe);
      size = seen.size;
    }
    await all;
    const expected = Array.from(
      { length: task.keys },
      (_, i) => [`key ${i}`, THREADS * task.rounds] as const,
    );
    expect(contents(table)).toEqual(new Map(expected));
    expectNothingLeft(table);
  });

  test('threads that are killed while they add leave a table that others can use', async () => {
    const table = SharedCountTable.create(pool);
    const adders = startAdders(table, { hashBits: 32, keys: 10_007, rounds: 1e9 });
    await Promise.all(adders.map((worker) => once(worker, 'message')));
    await Promise.all(adders.map((worker) => worker.terminate()));
    const before = contents(table);
    const again = Buffer.from('key 5');
    const count = table.get(again);
    table.add(again);
    table.add(Buffer.from('another'));
    expect(contents(table)).toEqual(new Map([...before, ['key 5', count + 1], ['another', 1]]));
    table.dispose();
    // blocks that were not in the table yet when their threads died: each may have had an entry, and a table to put it in
    const left = [...pool.blocks()].map(({ size }) => size);
    const tables = left.filter((size) => size === TABLE_BYTES).length;
    expect([tables <= THREADS, left.length - tables <= THREADS]).toEqual([true, true]);
    expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
  });
});
