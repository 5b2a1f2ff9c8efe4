// Pools that begin small and grow: their files, threads that make them grow at the same time, and disks that are full.

import { fstatSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { VMEM_MIN_POOL, Vmem, type VmemOptions } from '@vmem-ts/vmem-api';
import { testOnTmpfs } from '../support/disk';
import {
  MIB,
  NODE_MAJOR,
  PAGE,
  POOL_DIR,
  describeEachKind,
  describeFiles,
  expectEmptyAndWhole,
  fileBytes,
  filePool,
  tracked,
} from '../support/pools';
import { randomFrom, seedFor } from '../support/random';
import { failureOf } from '../support/thrown';
import { ask, nextMessage, startWorker } from '../support/worker';
import type { GrowerResult, GrowerTask } from './workers/grower';

const GIB = 1024 * MIB;

/** All blocks of `size` that the pool still gives. */
function exhaust(pool: Vmem, size: number): number[] {
  const pointers: number[] = [];
  for (let ptr = pool.malloc(size); ptr !== 0; ptr = pool.malloc(size)) pointers.push(ptr);
  return pointers;
}

// The heap's own pages must lie below 4 GiB, and in pools of more than that the last of these were given to callers.
(NODE_MAJOR >= 22 ? describe : describe.skip)('a pool that can grow beyond 4 GiB', () => {
  it.each([5, 64, 252, 480])('to %i GiB, has small blocks when all below 2 GiB is in use', (gibibytes) => {
    const options = { backend: 'anonymous', maxSize: gibibytes * GIB } as const;
    const pool = tracked(Vmem.create(POOL_DIR, VMEM_MIN_POOL, options));
    for (let size = 2 * GIB; size > MIB; size /= 2) {
      const ptr = pool.malloc(size);
      if (ptr > 2 * GIB) pool.free(ptr);
    }
    expect(pool.mallocMany(1024, 200_000, new Float64Array(200_000))).toBe(200_000);
    expect(pool.check()).toBe(1);
  });
});

describeEachKind(
  'a pool that grows',
  ({ create }) => {
    it('begins with its first size, and serves what is larger than that', () => {
      const pool = create(14 * MIB, { maxSize: 256 * MIB });
      expect(pool.size).toBe(256 * MIB);
      expect(pool.stats().backed).toBeLessThanOrEqual(14 * MIB);
      const views = [20, 60, 100].map((n) => pool.alloc(Uint8Array, n * MIB).fill(n));
      expect(views.map((view) => [view[0], view.at(-1)])).toEqual([20, 60, 100].map((n) => [n, n]));
      expect(pool.stats().backed).toBeGreaterThan(180 * MIB);
      expect(pool.check()).toBe(1);
      expect(pool.malloc(100 * MIB)).toBe(0);
      for (const view of views) pool.free(view);
      expectEmptyAndWhole(pool);
    });

    it('is one block again when all of many sizes are freed', () => {
      const pool = create(14 * MIB, { maxSize: 128 * MIB });
      const random = randomFrom(seedFor('growth and one block'));
      const pointers: number[] = [];
      for (let ptr = 1; ptr !== 0; pointers.push(ptr))
        ptr = pool.malloc(random(random(20) === 0 ? MIB : 3000));
      const { backed } = pool.stats();
      expect(backed).toBeGreaterThan(0.99 * 128 * MIB);
      for (const ptr of pointers) pool.free(ptr);
      expectEmptyAndWhole(pool);
      const tables = 128 * MIB - create(128 * MIB).stats().pagesFree;
      expect(pool.malloc(Math.floor(0.97 * (128 * MIB - tables)))).toBeGreaterThan(0);
    });

    it.each([
      [-1, 'EINVAL'],
      [14 * MIB - 1, 'EINVAL'],
      [20.5 * MIB + 0.5, 'EINVAL'],
      [15 * MIB, 'EINVAL'],
      ['64 MiB', 'EINVAL'],
      [2 ** 50, 'ENOTSUP'],
    ])('refuses a maxSize of %p', (maxSize, code) => {
      expect(failureOf(() => create(16 * MIB, { maxSize: maxSize as number }))).toBe(`VmemError ${code}`);
    });

    it('does not grow if maxSize is its size', () => {
      const pool = create(16 * MIB, { maxSize: 16 * MIB });
      expect(pool.stats()).toMatchObject({ size: 16 * MIB, backed: 16 * MIB });
      expect(pool.malloc(20 * MIB)).toBe(0);
    });
  },
  ['overlay', 'anonymous'],
);

describeEachKind(
  'a pool that can not grow',
  ({ name, create }) => {
    it('says so', () => {
      const options: VmemOptions = { maxSize: 64 * MIB };
      const code = name === 'region' ? 'EINVAL' : 'ENOTSUP';
      expect(failureOf(() => create(16 * MIB, options))).toBe(`VmemError ${code}`);
    });
  },
  ['region', 'mmap-io'],
);

describeFiles('the file of a pool that grows', () => {
  it('has space for what the pool has, and not for what it may have', () => {
    const largest = NODE_MAJOR < 22 ? 4 * GIB - PAGE : 16 * GIB;
    const pool = filePool(VMEM_MIN_POOL, { maxSize: largest });
    expect(fileBytes(pool)).toBeLessThan(VMEM_MIN_POOL + MIB / 4);
    expect(pool.stats().pagesFree).toBeGreaterThan(0.9 * VMEM_MIN_POOL);
    const ptr = pool.malloc(100 * MIB);
    expect(ptr).toBeGreaterThan(0);
    expect(pool.check()).toBe(1);
    const { backed } = pool.stats();
    expect(backed).toBeLessThan(125 * MIB);
    expect(Math.abs(fileBytes(pool) - backed)).toBeLessThan(MIB / 4);
  });

  (NODE_MAJOR < 22 ? it : it.skip)('of more than this runtime shares is refused with the reason', () => {
    expect(() => Vmem.create(POOL_DIR, 16 * MIB, { maxSize: 8 * GIB })).toThrow(/Node\.js 22/);
  });

  (NODE_MAJOR < 22 ? it.skip : it)(
    'of many GiB has small blocks and room for threads when it is full',
    async () => {
      const pool = filePool(16 * MIB, { maxSize: 16 * GIB, backend: 'anonymous' });
      const large: number[] = [];
      const small: number[] = [];
      for (const size of [5 * GIB, GIB, 100 * MIB, 3 * GIB, MIB])
        for (let ptr = pool.malloc(size); ptr !== 0 && large.length < 12_000; ptr = pool.malloc(size)) {
          large.push(ptr);
          const count = large.length;
          small.push(pool.malloc(8 * (count % 300))); // most are of a class of their own
          const isServed = small.at(-1)! > 0 || pool.stats().backed > 15.7 * GIB;
          expect({ count, isServed }).toEqual({ count, isServed: true });
        }
      expect(pool.stats().backed).toBeGreaterThan(15.7 * GIB);
      pool.free(large.pop()!);
      const worker = startWorker('visitor', { handle: pool.handle, leaves: true });
      expect(await nextMessage(worker)).toBe('none');
      expect(pool.check()).toBe(1);
      for (const ptr of [...large, ...small]) pool.free(ptr);
      expect(pool.malloc(15 * GIB)).toBeGreaterThan(0);
    },
  );

  testOnTmpfs('size=48m', 'that has no room to grow is memory out, and nothing is lost', (disk) => {
    const pool = tracked(Vmem.create(disk.dir, 16 * MIB, { maxSize: GIB }));
    const pointers = exhaust(pool, 300_000);
    expect(disk.used()).toBeGreaterThan(47 * MIB);
    expect(pointers.length * 300_000).toBeGreaterThan(44 * MIB);
    expect(pool.malloc(2 * MIB)).toBe(0);
    for (const ptr of pointers) new Uint8Array(pool.buffer, ptr, 300_000).fill(1);
    expect(pool.check()).toBe(1);
    for (const ptr of pointers) pool.free(ptr);
    expectEmptyAndWhole(pool);
    const { pagesFree } = pool.stats();
    const all = pool.alloc(Uint8Array, Math.floor(0.97 * pagesFree)).fill(2);
    pool.free(all);
    pool.delete();
    expect(disk.used()).toBe(0);
  });

  testOnTmpfs('size=20m', 'that has no room for the first size is not made', (disk) => {
    expect(failureOf(() => Vmem.create(disk.dir, 32 * MIB, { maxSize: GIB }))).toBe('VmemError ENOSPC');
    expect(disk.used()).toBe(0);
  });
});

function startGrower(pool: Vmem, seed: number, bytes: number): Worker {
  return startWorker('grower', { handle: pool.handle, seed, bytes } satisfies GrowerTask);
}

describeEachKind(
  'threads that make a pool grow at the same time',
  ({ create }) => {
    it('get blocks of their own, and leave nothing behind', async () => {
      const seed = seedFor('growing threads');
      const pool = create(14 * MIB, { maxSize: 512 * MIB });
      const workers = [1, 2, 3, 4].map((n) => startGrower(pool, seed + n, 60 * MIB));
      await Promise.all(workers.map((worker) => nextMessage(worker)));
      const results = await Promise.all(workers.map((worker) => ask<GrowerResult>(worker, 'grow')));
      for (const { damaged, refused, bytes } of results) {
        expect({ damaged, refused }).toEqual({ damaged: 0, refused: 0 });
        expect(bytes).toBeGreaterThan(55 * MIB);
      }
      expect(pool.stats().backed).toBeGreaterThan(150 * MIB);
      expect(pool.check()).toBe(1);
      expect(await Promise.all(workers.map((worker) => ask(worker, 'leave')))).toEqual([0, 0, 0, 0]);
      expectEmptyAndWhole(pool);
      expect(pool.stats().threads).toBe(1);
    });

    it('hold nobody up when they are terminated', async () => {
      const random = randomFrom(seedFor('terminated while growing'));
      for (let round = 0; round < 12; round++) {
        const pool = create(14 * MIB, { maxSize: 1024 * MIB });
        const workers = [1, 2].map((n) => startGrower(pool, random(2 ** 31) + n, 10 * GIB));
        await Promise.all(workers.map((worker) => nextMessage(worker)));
        for (const worker of workers) worker.postMessage('grow');
        const end = performance.now() + random(60);
        while (performance.now() < end) pool.free(pool.malloc(100_000));
        await Promise.all(workers.map((worker) => worker.terminate()));
        const start = performance.now();
        const ptr = pool.malloc(20 * MIB);
        expect(performance.now() - start).toBeLessThan(2000);
        expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
        if (ptr === 0) expect(pool.stats().backed).toBeGreaterThan(900 * MIB);
        expect(pool.stats().threads).toBe(1);
        pool.delete();
      }
    });
  },
  ['overlay', 'anonymous'],
);

describeFiles('a pool that is deleted while threads make it grow', () => {
  it('leaves no file behind, and none of another pool in its place', async () => {
    const random = randomFrom(seedFor('deleted while growing'));
    for (let round = 0; round < 12; round++) {
      const pool = filePool(14 * MIB, { maxSize: 512 * MIB });
      const { fd } = pool.handle;
      const workers = [1, 2].map((n) => startGrower(pool, random(2 ** 31) + n, 10 * GIB));
      await Promise.all(workers.map((worker) => nextMessage(worker)));
      const ends = workers.map((worker) => ask<GrowerResult>(worker, 'grow'));
      const end = performance.now() + random(40);
      while (performance.now() < end);
      pool.delete();
      expect(() => fstatSync(fd)).toThrow('EBADF');
      const next = filePool(14 * MIB); // may have the same descriptor
      const view = next.alloc(Uint8Array, 10 * MIB).fill(round + 1);
      for (const { failure } of await Promise.all(ends)) expect(failure).toBe('VmemError ECLOSED');
      expect(view.every((byte) => byte === round + 1)).toBe(true);
      expectEmptyAndWholeAfter(next, view);
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  });
});

function expectEmptyAndWholeAfter(pool: Vmem, view: Uint8Array): void {
  pool.free(view);
  expectEmptyAndWhole(pool);
}
