// Free pages that go back to the file system, on demand and by policy, and come back when they are needed.

import { Vmem } from '@vmem-ts/vmem-api';
import { skipTest, testOnExt4, testOnTmpfs } from '../support/disk';
import {
  MIB,
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

/** All blocks of `size` that the pool gives, written to. */
function fill(pool: Vmem, size: number): number[] {
  const pointers: number[] = [];
  for (let ptr = pool.malloc(size); ptr !== 0; ptr = pool.malloc(size)) {
    new Uint8Array(pool.buffer, pool.byteOffset + ptr, size).fill(pointers.length + 1);
    pointers.push(ptr);
  }
  return pointers;
}

function expectContents(pool: Vmem, ptr: number, size: number, byte: number): void {
  const view = new Uint8Array(pool.buffer, pool.byteOffset + ptr, size);
  expect(view.every((each) => each === (byte & 255))).toBe(true);
}

describeFiles('purge of a pool in a file', () => {
  it.each([64 * MIB, undefined])('gives the space of free pages back (maxSize %p)', (maxSize) => {
    const pool = filePool(
      maxSize === undefined ? 64 * MIB : 14 * MIB,
      maxSize === undefined ? {} : { maxSize },
    );
    const pointers = fill(pool, 400_000);
    const before = fileBytes(pool);
    expect(before).toBeGreaterThanOrEqual(63 * MIB);
    for (let i = 0; i < pointers.length; i += 2) pool.free(pointers[i]);
    const given = pool.purge();
    expect(given).toBeGreaterThan(30 * MIB);
    expect(before - fileBytes(pool)).toBeGreaterThan(0.98 * given);
    expect(pool.stats().backed).toBe(64 * MIB - given);
    expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
    for (let i = 1; i < pointers.length; i += 2) expectContents(pool, pointers[i], 400_000, i + 1);
    // what went back reads as zeros, and writing there takes no space
    const hole = new Uint8Array(pool.buffer, pool.byteOffset + pointers[0], 65_536);
    expect(hole.every((byte) => byte === 0)).toBe(true);
    const after = fileBytes(pool);
    hole.fill(9);
    expect(fileBytes(pool)).toBe(after);
    for (let i = 0; i < pointers.length; i += 2) {
      const ptr = pool.calloc(1, 400_000);
      expect(ptr).toBeGreaterThan(0);
      expectContents(pool, ptr, 400_000, 0);
    }
    for (let i = 1; i < pointers.length; i += 2) expectContents(pool, pointers[i], 400_000, i + 1);
    expect(pool.check()).toBe(1);
  });

  it('leaves a pool that is one block again', () => {
    const pool = filePool(14 * MIB, { maxSize: 128 * MIB });
    const pointers = fill(pool, 150_000);
    pointers.forEach((ptr, i) => i % 3 === 0 && pool.free(ptr));
    pool.purge();
    pointers.forEach((ptr, i) => i % 3 !== 0 && pool.free(ptr));
    expectEmptyAndWhole(pool);
    expect(pool.purge()).toBeGreaterThan(80 * MIB);
    expect(fileBytes(pool)).toBeLessThan(2 * MIB);
    expect(pool.malloc(Math.floor(0.97 * 126 * MIB))).toBeGreaterThan(0);
    expect(pool.check()).toBe(1);
  });

  testOnTmpfs('size=64m', 'lets others have the space; then memory is out, and no thread dies', (disk) => {
    const pool = tracked(Vmem.create(disk.dir, 48 * MIB));
    const pointers = fill(pool, 300_000);
    for (let i = 0; i < pointers.length; i += 2) pool.free(pointers[i]);
    const used = disk.used();
    const given = pool.purge();
    expect(used - disk.used()).toBeGreaterThan(0.98 * given);
    const other = tracked(Vmem.create(disk.dir, 36 * MIB));
    fill(other, 100_000);
    // a stray write into a hole of the first pool on a disk that is full
    new Uint8Array(pool.buffer, pool.byteOffset + pointers[0], 300_000).fill(1);
    const got = fill(pool, 300_000);
    expect(got.length).toBeLessThan(pointers.length / 4);
    expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
    other.delete();
    expect(fill(pool, 300_000).length + got.length).toBeGreaterThan(pointers.length / 2 - 4);
    for (let i = 1; i < pointers.length; i += 2) expectContents(pool, pointers[i], 300_000, i + 1);
    expect(pool.check()).toBe(1);
    pool.delete();
    expect(disk.used()).toBe(0);
  });

  testOnExt4(56, 'is not undone by writing to what lies beside, on an ext4', (disk) => {
    const pool = tracked(Vmem.create(disk.dir, 40 * MIB));
    const pointers = fill(pool, 65_536).sort((a, b) => a - b);
    pool.freeMany(pointers.filter((_, i) => i % 2 === 0));
    const given = pool.purge();
    expect(given).toBeGreaterThan(15 * MIB);
    for (let i = 1; i < pointers.length; i += 2)
      new Uint8Array(pool.buffer, pool.byteOffset + pointers[i], 65_536).fill(1);
    expect(fileBytes(pool) - pool.stats().backed).toBeLessThan(MIB / 4);
  });

  it('may happen in several threads at once, while others use the pool', async () => {
    const seed = seedFor('purging threads');
    const pool = filePool(14 * MIB, { maxSize: 256 * MIB });
    const workers = [1, 2, 3].map((n) =>
      startWorker('grower', {
        handle: pool.handle,
        seed: seed + n,
        bytes: 30 * MIB,
        purges: true,
      } satisfies GrowerTask),
    );
    await Promise.all(workers.map((worker) => nextMessage(worker)));
    const results = await Promise.all(workers.map((worker) => ask<GrowerResult>(worker, 'grow')));
    for (const { failure, damaged, refused } of results)
      expect({ failure, damaged, refused }).toEqual({ failure: 'none', damaged: 0, refused: 0 });
    expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
    await Promise.all(workers.map((worker) => ask(worker, 'leave')));
    expectEmptyAndWhole(pool);
    pool.purge();
    expect(fileBytes(pool)).toBeLessThan(2 * MIB);
  });

  it('leaves a sound pool when its thread is terminated', async () => {
    const random = randomFrom(seedFor('terminated while purging'));
    const pool = filePool(14 * MIB, { maxSize: 256 * MIB, policy: 'conservative' });
    for (let round = 0; round < 10; round++) {
      const worker = startWorker('grower', {
        handle: pool.handle,
        seed: random(2 ** 31),
        bytes: 2 ** 40,
        purges: true,
      } satisfies GrowerTask);
      await nextMessage(worker);
      worker.postMessage('grow');
      const end = performance.now() + random(80);
      while (performance.now() < end) pool.free(pool.malloc(300_000));
      await worker.terminate();
      expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
      expect(pool.stats().threads).toBe(1);
    }
    pool.purge();
    const { backed } = pool.stats();
    expect(Math.abs(fileBytes(pool) - backed)).toBeLessThan(MIB);
  });
});

describeEachKind('purge', ({ name, create }) => {
  it('gives back what the kind of memory can, and keeps contents', () => {
    const pool = create(32 * MIB);
    const kept = pool.alloc(Uint8Array, MIB).fill(5);
    pool.free(pool.alloc(Uint8Array, 20 * MIB).fill(1));
    const given = pool.purge();
    if (name === 'overlay' || (name === 'anonymous' && process.env['VMEM_TEST_WITHOUT_ADDON'] !== '1'))
      expect(given).toBeGreaterThan(29 * MIB);
    else expect(given).toBe(0);
    expect(kept.every((byte) => byte === 5)).toBe(true);
    const zeros = pool.calloc(1, 25 * MIB);
    expectContents(pool, zeros, 25 * MIB, 0);
    expect(pool.check()).toBe(1);
  });
});

describeEachKind(
  'a conservative pool',
  ({ name, create }) => {
    it('has no more space than it uses, give or take', () => {
      const pool = create(14 * MIB, { maxSize: 128 * MIB, policy: 'conservative' });
      const views = [10, 20, 40].map((n) => pool.alloc(Uint8Array, n * MIB).fill(n));
      expect(pool.stats().backed).toBeLessThan(85 * MIB);
      pool.free(views[1]);
      expect(pool.stats().backed).toBeLessThan(56 * MIB);
      if (name === 'overlay') expect(fileBytes(pool)).toBeLessThan(56 * MIB);
      for (const n of [0, 2]) pool.free(views[n]);
      expect(pool.stats().backed).toBeLessThan(2 * MIB);
      if (name === 'overlay') expect(fileBytes(pool)).toBeLessThan(2 * MIB);
      expectEmptyAndWhole(pool);
    });
  },
  ['overlay', 'anonymous'],
);

test('a policy of another name is refused', () => {
  const options = { backend: 'anonymous', policy: 'greedy' as 'default' } as const;
  expect(failureOf(() => Vmem.create('/', 16 * MIB, options))).toBe('VmemError EINVAL');
});

describeEachKind(
  'calloc of pages that nobody has used',
  ({ create }) => {
    const title = 'takes no memory';
    const measured = (test: () => void): void => {
      if (process.platform === 'linux') it(title, test);
      else skipTest(title, 'memory in use is only told precisely on Linux');
    };
    measured(() => {
      const pool = create(14 * MIB, { maxSize: 512 * MIB });
      const before = process.memoryUsage.rss();
      const ptr = pool.calloc(400, MIB);
      expect(process.memoryUsage.rss() - before).toBeLessThan(100 * MIB);
      expect(new Uint8Array(pool.buffer, pool.byteOffset + ptr, 8 * MIB).every((byte) => byte === 0)).toBe(
        true,
      );
    });
  },
  ['overlay', 'anonymous'],
);
