// After a pool was deleted every use of it, by any thread, gives ECLOSED: never a crash, a hang or a wrong answer.

import { VMEM_MIN_POOL, Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { everyMethod } from '../support/every-method';
import {
  MIB,
  POOL_DIR,
  describeEachKind,
  describeFiles,
  expectEmptyAndWhole,
  filePool,
} from '../support/pools';
import { collectGarbageUntil, mappedBytes } from '../support/process-resources';
import { failureOf, thrownBy } from '../support/thrown';
import { ask, nextMessage, startWorker } from '../support/worker';
import type { ChurnResult, ChurnTask } from './workers/churner';
import type { Answer } from './workers/pool-user';

const CLOSED = 'VmemError ECLOSED';

function expectAllClosed(outcomes: Record<string, string>): void {
  const others = Object.entries(outcomes).filter(([, outcome]) => outcome !== CLOSED);
  expect(others).toEqual([]);
}

function outcomesHere(pool: Vmem, ptr: number): Record<string, string> {
  return Object.fromEntries(everyMethod(pool, ptr).map(([name, call]) => [name, failureOf(call)]));
}

function expectHarmless(pool: Vmem): void {
  expect(failureOf(() => pool.detach())).toBe('none');
  expect(failureOf(() => pool.delete())).toBe('none');
  expect(failureOf(() => pool[Symbol.dispose]())).toBe('none');
}

describeEachKind('a deleted pool', ({ create }) => {
  it('gives ECLOSED for every method in the thread that deleted it', () => {
    const pool = create();
    const ptr = pool.malloc(64);
    for (const [method, call] of everyMethod(pool, ptr).slice(-4))
      expect([method, failureOf(call)]).toEqual([method, 'none']);
    pool.delete();
    expectAllClosed(outcomesHere(pool, ptr));
    expect(thrownBy(() => pool.malloc(1)).message).toMatch(/deleted/);
    expectHarmless(pool);
    expectAllClosed(outcomesHere(pool, ptr));
  });

  it('does so for a second attachment of the same thread', () => {
    const pool = create();
    const other = Vmem.attach(pool.handle);
    const ptr = other.malloc(64);
    pool.delete();
    expectAllClosed(outcomesHere(other, ptr));
    expectHarmless(other);
  });

  it('does so in another thread, whichever deleted it', async () => {
    for (const deleter of ['this thread', 'the other thread']) {
      const pool = create();
      const ptr = pool.malloc(64);
      const worker = startWorker('pool-user', pool.handle);
      expect(await nextMessage<Answer>(worker)).toEqual({ failure: 'none' });
      if (deleter === 'this thread') pool.delete();
      else expect(await ask<Answer>(worker, { delete: true })).toEqual({ failure: 'none' });
      expectAllClosed(outcomesHere(pool, ptr));
      const { outcomes } = await ask<Answer>(worker, { everyMethod: true });
      expectAllClosed(outcomes!);
      expect(await ask<Answer>(worker, { delete: true })).toEqual({ failure: 'none' });
      expect(await ask<Answer>(worker, { detach: true })).toEqual({ failure: 'none' });
      await worker.terminate();
    }
  });

  it('can’t be attached to', async () => {
    const pool = create();
    const { handle } = pool;
    const worker = startWorker('pool-user', undefined);
    await nextMessage(worker);
    pool.delete();
    expect(failureOf(() => Vmem.attach(handle))).toBe(CLOSED);
    expect(await ask<Answer>(worker, { attach: handle })).toEqual({ failure: CLOSED });
  });

  it('has neither memory nor a handle any more in the thread that deleted it', () => {
    const pool = create();
    const { backend, byteOffset, size } = pool;
    pool.delete();
    expect(failureOf(() => pool.buffer)).toBe(CLOSED);
    expect(failureOf(() => pool.handle)).toBe(CLOSED);
    expect({ backend: pool.backend, byteOffset: pool.byteOffset, size: pool.size }).toEqual({
      backend,
      byteOffset,
      size,
    });
  });

  it('is let go by detaching in a thread that did not delete it', () => {
    const pool = create();
    const other = Vmem.attach(pool.handle);
    pool.delete();
    other.detach();
    expect(failureOf(() => other.buffer)).toBe(CLOSED);
    expectHarmless(other);
  });

  it('leaves other pools alone', () => {
    const [first, second] = [create(), create()];
    const view = second.alloc(Uint8Array, MIB).fill(9);
    first.delete();
    expect(view.every((byte) => byte === 9)).toBe(true);
    second.free(view);
    expectEmptyAndWhole(second);
  });

  it('is deleted at the end of a block that uses it', () => {
    let outer: Vmem;
    {
      using pool = create();
      outer = pool;
      expect(pool.malloc(8)).toBeGreaterThan(0);
    }
    expect(failureOf(() => outer.malloc(8))).toBe(CLOSED);
  });

  it('stops threads that are in the middle of a loop of malloc and free', async () => {
    const { handle } = create();
    const workers = await Promise.all(
      [1, 2].map(async (seed) => {
        const worker = startWorker('churner', { handle, seed } satisfies ChurnTask);
        await nextMessage(worker);
        return worker;
      }),
    );
    const outcomes: Record<string, number> = {};
    const rounds = 40;
    for (let round = 0; round < rounds; round++) {
      const pool = create();
      await Promise.all(workers.map((worker) => ask(worker, pool.handle)));
      const results = workers.map((worker) => nextMessage<ChurnResult>(worker));
      const until = performance.now() + Math.random() * 12;
      let turns = 0;
      while (performance.now() < until) pool.free(pool.malloc(++turns % 40_000));
      await new Promise((turn) => setTimeout(turn, 3));
      pool.delete();
      for (const { outcome } of await Promise.all(results)) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    expect(outcomes).toEqual({ [CLOSED]: 2 * rounds });
  });
});

describeFiles('detaching from a pool that another thread has deleted', () => {
  it('gives its addresses back', async () => {
    await collectGarbageUntil(() => false); // what earlier tests left
    const before = mappedBytes();
    const attachAndForget = async (): Promise<void> => {
      const pool = filePool(256 * MIB);
      const worker = startWorker('pool-user', pool.handle);
      await nextMessage(worker);
      const other = Vmem.attach(pool.handle);
      await ask(worker, { delete: true });
      pool.delete();
      other.detach();
      await worker.terminate();
    };
    for (let i = 0; i < 4; i++) await attachAndForget();
    expect(await collectGarbageUntil(() => mappedBytes() - before < 512 * MIB)).toBe(true);
  });
});

describeEachKind('a Vmem that was dropped', ({ create }) => {
  it('is detached, and the pool lives on', async () => {
    const pool = create();
    const { handle } = pool;
    const visit = (): number[] =>
      Array.from({ length: 20 }, () => {
        const visitor = Vmem.attach(handle);
        visitor.free(visitor.malloc(100)); // stays in its cache
        return visitor.malloc(64);
      });
    const ptrs = visit();
    expect(await collectGarbageUntil(() => pool.stats().threads === 1)).toBe(true);
    expect(pool.stats()).toMatchObject({ liveBlocks: ptrs.length });
    for (const ptr of ptrs) pool.free(ptr);
    expectEmptyAndWhole(pool);
  });

  it('is no reason to end a pool that somebody still uses', async () => {
    const heirOf = (): Vmem => Vmem.attach(create().handle); // the creator's is garbage at the end of the test
    const heir = heirOf();
    const ptr = heir.malloc(64);
    await collectGarbageUntil(() => false);
    heir.free(ptr);
    expectEmptyAndWhole(heir);
  });

  it('is left alone if it had detached', async () => {
    const pool = create();
    const { handle } = pool;
    const visit = (): void => {
      for (let i = 0; i < 20; i++) Vmem.attach(handle).detach();
    };
    visit();
    await collectGarbageUntil(() => false);
    expect(pool.stats().threads).toBe(1);
    expectEmptyAndWhole(pool);
  });
});

describeFiles('a Vmem that was dropped after another thread has deleted the pool', () => {
  it('gives its addresses back', async () => {
    await collectGarbageUntil(() => false);
    const before = mappedBytes();
    const attachAndForget = async (): Promise<void> => {
      const pool = Vmem.create(POOL_DIR, 256 * MIB);
      const worker = startWorker('pool-user', pool.handle);
      await nextMessage(worker);
      await ask(worker, { delete: true });
      await worker.terminate();
    };
    for (let i = 0; i < 4; i++) await attachAndForget();
    expect(await collectGarbageUntil(() => mappedBytes() - before < 512 * MIB)).toBe(true);
  });
});

describe('a caller’s memory, after a pool in it was deleted', () => {
  const buffer = (): SharedArrayBuffer => new SharedArrayBuffer(VMEM_MIN_POOL);

  it('is not written to when a thread dies that was attached', async () => {
    const memory = buffer();
    const pool = Vmem.createInRegion(memory);
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage(worker);
    pool.delete();
    const bytes = new Uint8Array(memory).fill(7);
    await worker.terminate();
    expect(bytes.filter((byte) => byte !== 7)).toHaveLength(0);
  });

  it('may hold another pool, which a stale one can’t touch', async () => {
    const memory = buffer();
    const old = Vmem.createInRegion(memory);
    const worker = startWorker('pool-user', old.handle);
    await nextMessage(worker);
    const handle: VmemHandle = old.handle;
    old.delete();
    using pool = Vmem.createInRegion(memory);
    const ptrs = Array.from({ length: 1000 }, () => pool.malloc(64));
    expect(failureOf(() => Vmem.attach(handle))).toBe(CLOSED);
    const answers = [
      await ask<Answer>(worker, { malloc: 64 }),
      await ask<Answer>(worker, { free: ptrs[500] }),
      await ask<Answer>(worker, { delete: true }),
    ];
    expect(answers.map(({ failure }) => failure)).toEqual([CLOSED, CLOSED, 'none']);
    for (const ptr of ptrs) pool.free(ptr);
    expectEmptyAndWhole(pool);
  });
});

describe('the handle of a deleted pool', () => {
  it('still names the pool that it was', () => {
    const pool = filePool(VMEM_MIN_POOL);
    const { id } = pool.handle;
    pool.delete();
    const now = failureOf(() => pool.handle) === CLOSED ? id : pool.handle.id;
    expect(now).toEqual(id);
  });
});
