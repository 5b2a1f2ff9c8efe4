// What programs do wrong with blocks, after the catalogue of allocators' security tests (mimalloc-bench's, those of jemalloc
// and snmalloc): each kind of block times each mistake. A mistake is refused, and what is live stays as it is.

import { Vmem } from '@vmem-ts/vmem-api';
import { resultOfChild } from '../support/child';
import {
  MIB,
  POOL_DIR,
  describeEachKind,
  describeFiles,
  expectEmptyAndWhole,
  filePool,
} from '../support/pools';
import { collectGarbageUntil } from '../support/process-resources';
import { failureOf } from '../support/thrown';
import { ask, nextMessage, startWorker } from '../support/worker';
import type { Answer } from './workers/pool-user';
import type { Signalled } from './workers/signalled';

const GIB = 2 ** 30;
const REFUSED = /^VmemError (EBADPTR|EDOUBLEFREE)$/;

const bytesOf = (pool: Vmem, ptr: number): Uint8Array =>
  new Uint8Array(pool.buffer, pool.byteOffset + ptr, pool.usableSize(ptr));

/** A block among others of its size, and what is done wrong with such. */
interface Scene {
  readonly pool: Vmem;
  /** Another attachment, which stands for another thread. */
  readonly other: Vmem;
  readonly size: number;
  readonly ptr: number;
  readonly neighbours: number[];
  /** Live blocks that have nothing to do with it. */
  readonly rest: number[];
}

const KINDS: [string, number, number][] = [
  ['of 8 bytes', 8, 40],
  ['of 104 bytes', 104, 40],
  ['of 3 KB', 3000, 10],
  ['of the largest size in slabs', 16_384, 10],
  ['of pages, with a cache for them', 20_000, 6],
  ['of the most pages with a cache for them', 131_072, 6],
  ['of pages without a cache', 300_000, 4],
];

/** A view there, or for what lies outside of the memory one of something else. */
const viewAt = ({ buffer, byteOffset, size }: Vmem, ptr: number): Uint8Array =>
  ptr >= 0 && ptr < size ? new Uint8Array(buffer, byteOffset + ptr, 1) : new Uint8Array(8);

/** What must be refused of a pointer to a block that was freed. */
const useAfterFree = ({ pool, other, ptr }: Scene): [string, () => unknown][] => [
  ['free', () => pool.free(ptr)],
  ['free by another', () => other.free(ptr)],
  ['free of a view', () => pool.free(viewAt(pool, ptr))],
  ['freeMany', () => pool.freeMany([ptr])],
  ['freeMany by another', () => other.freeMany(Float64Array.of(0, ptr))],
  ['realloc', () => pool.realloc(ptr, 50)],
  ['realloc to nothing', () => other.realloc(ptr, 0)],
  ['usableSize', () => pool.usableSize(ptr)],
  ['view', () => pool.view(Uint8Array, ptr, 1)],
];

function expectRefused(calls: [string, () => unknown][]): void {
  const wrong = calls
    .map(([name, call]) => [name, failureOf(call)])
    .filter(([, failure]) => !REFUSED.test(failure));
  expect(wrong).toEqual([]);
}

function mistakes(makeScene: (size: number, count: number) => Scene, kinds = KINDS): void {
  describe.each(kinds)('a block %s', (_, size, count) => {
    let scene: Scene;
    beforeEach(() => {
      scene = makeScene(size, count);
      scene.neighbours.forEach((ptr, i) => bytesOf(scene.pool, ptr).fill(i + 1));
    });
    afterEach(() => {
      const { pool, other, neighbours, rest } = scene;
      const damaged = neighbours.filter((ptr, i) => bytesOf(pool, ptr).some((byte) => byte !== i + 1));
      expect(damaged).toEqual([]);
      expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
      expect(pool.stats().liveBlocks).toBe(neighbours.length + rest.length);
      pool.freeMany([...neighbours, ...rest]);
      other.detach();
      expectEmptyAndWhole(pool);
    });

    it('is freed once: at once, by another thread, and when what lies beside was used again', () => {
      const { pool, other, ptr, neighbours } = scene;
      pool.free(ptr);
      expectRefused(useAfterFree(scene));
      for (const ends of [0, neighbours.length - 1]) pool.free(neighbours[ends]);
      expectRefused(useAfterFree(scene));
      const again = [other, pool].map((by) => by.malloc(size));
      if (!again.includes(ptr)) expectRefused(useAfterFree(scene));
      pool.freeMany(again.filter((each) => each !== 0));
      expectRefused(useAfterFree(scene));
      neighbours.pop();
      neighbours.shift();
      neighbours.forEach((each, i) => bytesOf(pool, each).fill(i + 1));
    });

    it('is freed once when another thread frees it', () => {
      const { other } = scene;
      other.free(scene.ptr); // its slab is shared from now on, and it is in the other's cache
      expectRefused(useAfterFree(scene));
      other.detach();
      expectRefused(useAfterFree({ ...scene, other: scene.pool }));
    });

    it('is freed by its own pointer alone', () => {
      const { pool, other, ptr } = scene;
      const usable = pool.usableSize(ptr);
      const offsets = [1, 2, 4, 7, usable >> 1, usable - 1, 2 ** 32, -(2 ** 32), 2 ** 31, 2 ** 52];
      if (usable > 8) offsets.push(8, usable - 8);
      if (usable > 4096) offsets.push(4096, 16);
      for (const wrong of [...offsets.map((offset) => ptr + offset), -ptr])
        expectRefused(useAfterFree({ ...scene, ptr: wrong }));
      expect(pool.contains(ptr)).toBe(true);
      other.free(ptr);
    });

    it('is not found by its old pointer when its memory is of another kind', () => {
      const { pool, ptr, neighbours } = scene;
      pool.freeMany([ptr, ...neighbours.splice(0)]);
      pool.purge(); // empties all caches and slabs
      for (const next of [size === 24 ? 40 : 24, 5000, 40_000, 400_000]) {
        const many: number[] = [];
        pool.mallocMany(next, 30, many);
        if (!many.includes(ptr)) expectRefused(useAfterFree(scene));
        expect(pool.check()).toBe(1);
        pool.freeMany(many);
        pool.purge();
      }
    });
  });
}

describeEachKind(
  'mistakes with',
  ({ create }) => {
    mistakes((size, count) => {
      const pool = create(24 * MIB);
      const other = Vmem.attach(pool.handle);
      const many: number[] = [];
      expect(pool.mallocMany(size, count, many)).toBe(count);
      const [ptr] = many.splice(count >> 1, 1);
      return { pool, other, size, ptr, neighbours: many, rest: [] };
    });
  },
  ['overlay', 'anonymous', 'mmap-io'],
);

describe('mistakes above 2 GiB with', () => {
  mistakes(
    (size, count) => {
      const pool = filePool(3 * GIB, { backend: 'anonymous' });
      const many: number[] = [];
      // what is left below comes first
      for (const [filler, above] of [
        [200 * MIB, 1],
        [MIB, 1],
        [size, count],
      ])
        for (many.length = 0; many.length < above;) {
          const ptr = pool.malloc(filler);
          expect(ptr).toBeGreaterThan(0);
          if (ptr > 2 * GIB) many.push(ptr);
        }
      const mine = new Set(many);
      const rest = [...pool.blocks()].map(({ ptr }) => ptr).filter((ptr) => !mine.has(ptr));
      const [ptr] = many.splice(count >> 1, 1);
      return { pool, other: Vmem.attach(pool.handle), size, ptr, neighbours: many, rest };
    },
    KINDS.filter(([, size]) => [104, 20_000, 300_000].includes(size)),
  );
});

describeEachKind('writing over the whole of a block and a word past it', ({ create }) => {
  it('hurts what is in the blocks beside, and nothing of the pool', () => {
    const pool = create(32 * MIB);
    const other = Vmem.attach(pool.handle);
    const sizes = [1, 8, 9, 24, 100, 129, 1000, 3000, 5000, 16_384, 16_385, 50_000, 131_073, 500_000];
    const blocks = sizes.flatMap((size) =>
      Array.from({ length: Math.min(200, Math.ceil(400_000 / size)) }, (_, i) =>
        (i % 3 === 0 ? other : pool).malloc(size),
      ),
    );
    for (const [i, ptr] of blocks.entries()) if (i % 5 === 0) pool.free(ptr); // neighbours of all kinds
    const live = blocks.filter((_, i) => i % 5 !== 0);
    const bytes = new Uint8Array(pool.buffer, pool.byteOffset, pool.size);
    for (const byte of [0xff, 0, 0x7f, 0x80, 1]) {
      for (const ptr of live) bytes.fill(byte, ptr - 8, Math.min(ptr + pool.usableSize(ptr) + 8, pool.size));
      // the heap takes free pages that nobody has had for zero, and can tell that somebody has been there
      const { problems } = pool.checkReport();
      expect(problems.filter(({ invariant }) => invariant !== '[FREE-3]')).toEqual([]);
      const more = sizes.map((size) => pool.malloc(size));
      expect(more).not.toContain(0);
      pool.freeMany(more);
    }
    expect(pool.stats().liveBlocks).toBe(live.length);
    live.forEach((ptr, i) => (i % 2 === 0 ? pool : other).free(ptr));
    other.detach();
    pool.free(pool.malloc(30 * MIB)); // what somebody has had is not taken for zero
    expectEmptyAndWhole(pool);
  });
});

describeEachKind('pointers of two pools', ({ create }) => {
  it('are numbers: one that happens to be good in both is that pool’s whose method is called', () => {
    const [first, second] = [create(), create()];
    const [mine, theirs] = [first.alloc(Uint8Array, 100).fill(1), second.alloc(Uint8Array, 100).fill(2)];
    const ptr = mine.byteOffset - first.byteOffset;
    expect(theirs.byteOffset - second.byteOffset).toBe(ptr); // two new pools give the same
    second.free(ptr); // that of the first was meant, and nothing can tell
    expect(mine.every((byte) => byte === 1)).toBe(true);
    expect([first.contains(ptr), second.contains(ptr)]).toEqual([true, false]);
    expect(failureOf(() => second.free(ptr))).toBe('VmemError EDOUBLEFREE');
    expect(failureOf(() => second.free(mine))).toMatch(REFUSED); // a view can be told
    first.free(mine);
    for (const pool of [first, second]) expectEmptyAndWhole(pool);
  });
});

describeEachKind('a block in the cache of another thread', ({ create }) => {
  it('is freed: for its own thread, for the one that freed it, and when that thread has ended', async () => {
    const pool = create();
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage(worker);
    const { liveBlocks } = pool.stats();
    for (const size of [24, 3000, 20_000, 300_000]) {
      const ptr = pool.malloc(size);
      expect(await ask<Answer>(worker, { free: ptr })).toEqual({ failure: 'none' });
      expect(failureOf(() => pool.free(ptr))).toMatch(REFUSED);
      expect((await ask<Answer>(worker, { free: ptr })).failure).toMatch(REFUSED);
      expect(pool.check()).toBe(1);
    }
    expect(pool.stats().liveBlocks).toBe(liveBlocks);
    const ptrs = [24, 3000, 20_000].map((size) => pool.malloc(size));
    for (const ptr of ptrs) await ask<Answer>(worker, { free: ptr });
    await worker.terminate();
    for (const ptr of ptrs) expect(failureOf(() => pool.free(ptr))).toMatch(REFUSED);
    expect(pool.check()).toBe(1);
  });
});

describe('code that runs inside of a call', () => {
  const pool = (): Vmem => filePool(16 * MIB, { backend: 'anonymous' });

  it('may use the pool: accessors of an array that blocks are written to, or read from', () => {
    const mine = pool();
    const others: number[] = [];
    const use = (): void => {
      others.push(mine.malloc(64));
      if (others.length > 30) mine.freeMany(others.splice(0, 30));
      mine.freeMany([mine.malloc(64), mine.malloc(30_000)]);
      if (others.length === 3) expect(mine.check()).toBe(1);
    };
    const kept: number[] = [];
    const list = new Proxy(kept, {
      set: (target, key, value) => (use(), Reflect.set(target, key, value)),
      get: (target, key) => (use(), Reflect.get(target, key) as unknown),
    });
    expect(mine.mallocMany(64, 300, list)).toBe(300);
    expect(new Set([...kept, ...others]).size).toBe(300 + others.length);
    mine.freeMany(list);
    mine.freeMany(others);
    expectEmptyAndWhole(mine);
  });

  it('may free what is being freed: the second one is refused', () => {
    const mine = pool();
    const ptrs = [mine.malloc(64), mine.malloc(64), mine.malloc(64)];
    const list = Object.defineProperty([...ptrs], 1, {
      get: () => {
        for (const ptr of ptrs) if (mine.contains(ptr)) mine.free(ptr);
        return ptrs[1];
      },
    });
    expect(failureOf(() => mine.freeMany(list))).toBe('VmemError EDOUBLEFREE');
    expectEmptyAndWhole(mine);
  });

  it('may detach, or delete the pool: the rest of the call is ECLOSED', () => {
    for (const end of ['detach', 'delete'] as const) {
      const mine = pool();
      const heir = Vmem.attach(mine.handle);
      const live = Array.from({ length: 3 }, () => mine.malloc(64));
      const taken = Object.defineProperty([0, 0, 0], 1, { set: () => mine[end]() });
      expect(failureOf(() => mine.mallocMany(64, 3, taken))).toMatch(/^none$|ECLOSED/);
      const freed = Object.defineProperty([...live], 1, { get: () => (mine[end](), live[1]) });
      expect(failureOf(() => mine.freeMany(freed))).toBe('VmemError ECLOSED');
      expect(failureOf(() => heir.check())).toBe(end === 'detach' ? 'none' : 'VmemError ECLOSED');
      if (end === 'detach') expect(heir.check()).toBe(1);
      heir.delete();
    }
  });

  it('and finalizers run between calls: they may free', async () => {
    const mine = pool();
    const registry = new FinalizationRegistry<number>((ptr) => mine.free(ptr));
    const drop = (): void => {
      for (let i = 0; i < 100; i++) registry.register({}, mine.malloc(i * 30));
    };
    drop();
    const isDone = await collectGarbageUntil(() => {
      for (let i = 0; i < 100; i++) mine.free(mine.malloc(64));
      return mine.stats().liveBlocks === 0;
    });
    expect(isDone).toBe(true);
    expectEmptyAndWhole(mine);
  });
});

describeFiles('signals', () => {
  it('are handled between turns, never inside of a call; those that come meanwhile do no harm', () => {
    const { inside, handled, calls, result, liveBlocks } = resultOfChild<Signalled>('signalled', []);
    expect({ inside, result, liveBlocks }).toEqual({ inside: 0, result: 1, liveBlocks: 0 });
    expect(handled).toBeGreaterThan(3);
    expect(calls).toBeGreaterThan(1000);
  });
});

describeFiles('a program that freezes Error.prototype', () => {
  test('gets the same errors', () => {
    expect(resultOfChild('frozen-errors', [POOL_DIR])).toEqual([
      'VmemError EDOUBLEFREE',
      'VmemError ENOENT',
      'null',
      expect.stringContaining("'/no/such/directory': ENOENT") as unknown,
    ]);
  });
});
