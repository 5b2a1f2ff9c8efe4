// System calls that fail where another one has failed already, or for good: the pool goes on, nothing that is in it is lost,
// and what could not be done is done later.

import { whileFailing, withFailures } from '../support/failing-calls';

jest.mock('@vmem-ts/mmap-helper', () => withFailures(jest.requireActual<object>('@vmem-ts/mmap-helper')));

import { once } from 'node:events';
import { VMEM_MIN_POOL } from '@vmem-ts/vmem-api';
import { Forked, killForked } from '../support/forked-process';
import { blocksOfTable, digestOf, problemsOf, writeTable } from '../support/pool-contents';
import { MIB, describeFiles, expectEmptyAndWhole, fileBytes, filePool } from '../support/pools';
import { failureOf } from '../support/thrown';
import { startWorker } from '../support/worker';

const LARGE = 400_000;
const always = (code: string) => (): string => code;
const sizes = (i: number): number => (i % 40 === 0 ? LARGE : 1 + ((i * 61) % 900));

describeFiles('calls of the system that fail', () => {
  afterEach(killForked);

  test('a fork whose way back fails, too, leaves the pool frozen: nothing is lost, and thaw is the way back', async () => {
    const pool = filePool(VMEM_MIN_POOL, { maxSize: 64 * MIB });
    const first = writeTable(pool, 600, sizes);
    const hole = pool.malloc(8 * LARGE);
    const behind = pool.malloc(LARGE); // so that three ranges have storage
    pool.free(hole);
    expect(pool.purge()).toBeGreaterThan(0);
    let ranges = 0;
    const overlayFile = (...args: readonly unknown[]): string | undefined =>
      args[5] === 'private' && ++ranges < 3 ? undefined : 'ENOMEM';
    const forked = whileFailing({ overlayFile }, () => failureOf(() => Forked.of(pool)));
    expect([forked, ranges]).toEqual(['VmemError ENOMEM', 3]);
    const second = writeTable(pool, 300, sizes);
    const problems = (): string[] => [first, second].flatMap((table) => problemsOf(pool, table));
    expect(problems()).toEqual([]);
    const child = Forked.of(pool);
    expect(problems()).toEqual([]);
    for (const table of [first, second])
      expect(await child.ask({ table })).toMatchObject({ problems: [], check: 1 });
    expect(await child.end()).toBe(0);
    expect(pool.thaw()).toBeGreaterThan(0);
    expect([pool.thaw(), problems(), pool.check()]).toEqual([0, [], 1]);
    for (const table of [first, second]) {
      for (const { ptr } of blocksOfTable(pool, table)) pool.free(ptr);
      pool.free(table);
    }
    pool.free(behind);
    expectEmptyAndWhole(pool);
  });

  test('a fork that fails at the first range, way back and all, leaves the pool as it was', async () => {
    const pool = filePool();
    let calls = 0;
    const overlayFile = (): string | undefined => (++calls < 3 ? 'ENOMEM' : undefined);
    expect(whileFailing({ overlayFile }, () => failureOf(() => Forked.of(pool)))).toBe('VmemError ENOMEM');
    expect([calls, pool.thaw()]).toEqual([2, 0]);
    const table = writeTable(pool, 300, sizes);
    const child = Forked.of(pool);
    const pointers = Array.from({ length: 10_000 }, (_, i) => pool.malloc(i % 500));
    for (let i = 0; i < pointers.length; i += 2) pool.free(pointers[i]);
    expect(await child.ask({ table, take: MIB })).toMatchObject({ problems: [], check: 1, taken: true });
    expect(await child.end()).toBe(0);
    expect([pool.check(), problemsOf(pool, table)]).toEqual([1, []]);
  });

  test('a thread that ends while it thaws a pool leaves it frozen', async () => {
    const pool = filePool();
    const view = pool.alloc(Uint8Array, LARGE).fill(1);
    expect(await Forked.of(pool).end()).toBe(0);
    view.fill(2);
    const thawer = startWorker('dying-thawer', pool.handle);
    expect(await once(thawer, 'exit')).toEqual([3]);
    const child = Forked.of(pool);
    expect(await child.ask({ digest: true })).toMatchObject({ check: 1, digest: digestOf(pool) });
    expect(await child.end()).toBe(0);
    expect(pool.thaw()).toBeGreaterThanOrEqual(LARGE);
    expect(view.every((byte) => byte === 2)).toBe(true);
    expect(pool.check()).toBe(1);
  });

  test('a fork is not refused for a copy that this process could not close', async () => {
    const pool = filePool();
    const table = writeTable(pool, 100, sizes);
    const child = whileFailing({ closeFile: always('EBADF') }, () => Forked.of(pool, { mode: 2 }));
    expect(await child.ask({ table })).toMatchObject({ problems: [], check: 1 });
    expect(await child.end()).toBe(0);
  });

  test('the policy `conservative` is silent where pages can neither be given back nor be had again, and does it later', () => {
    const pool = filePool(VMEM_MIN_POOL, { maxSize: 32 * MIB, policy: 'conservative' });
    const pointers = Array.from({ length: 16 }, () => pool.malloc(LARGE));
    pool.view(Uint8Array, pointers[3], LARGE).fill(0x5a);
    const moved = whileFailing({ punchHole: always('EOPNOTSUPP'), overlayFile: always('EMFILE') }, () => {
      for (let i = 0; i < 3; i++) pool.free(pointers[i]);
      return pool.realloc(pointers[3], LARGE + 50_000); // to where these were
    });
    expect(pointers.map((ptr) => pool.contains(ptr))).toEqual(
      pointers.map((ptr, i) => i > 3 || ptr === moved),
    );
    const contents = pool.view(Uint8Array, moved, LARGE);
    expect(contents.every((byte) => byte === 0x5a)).toBe(true);
    expect([pool.stats().liveBlocks, pool.check()]).toEqual([13, 1]);
    const before = fileBytes(pool);
    for (const ptr of [...pool.blocks()].map((block) => block.ptr)) pool.free(ptr);
    pool.purge();
    expect(fileBytes(pool)).toBeLessThan(before - 10 * LARGE);
    expectEmptyAndWhole(pool);
  });

  test('growth that fails is memory out, also on a file system without holes', () => {
    const pool = filePool(VMEM_MIN_POOL, { maxSize: 64 * MIB });
    const failing = { overlayFile: always('ENOMEM'), punchHole: always('EOPNOTSUPP') };
    expect(whileFailing(failing, () => pool.malloc(20 * MIB))).toBe(0);
    const ptr = pool.malloc(20 * MIB);
    expect([ptr > 0, pool.check()]).toEqual([true, 1]);
    pool.free(ptr);
    expectEmptyAndWhole(pool);
  });

  test('a file system that has gone is not taken for a descriptor that was closed', () => {
    const pool = filePool(VMEM_MIN_POOL, { maxSize: 32 * MIB, policy: 'conservative' });
    const ptr = pool.malloc(LARGE);
    whileFailing({ fileInfo: always('EIO') }, () => {
      expect(failureOf(() => pool.info())).toBe('VmemError EIO');
      expect(failureOf(() => pool.purge())).toBe('VmemError EIO');
      expect(failureOf(() => Forked.of(pool))).toBe('VmemError EIO');
      expect(failureOf(() => pool.malloc(20 * MIB))).toBe('VmemError EIO');
      expect(failureOf(() => pool.thaw())).toBe('none'); // it is not frozen
      pool.free(ptr);
    });
    expectEmptyAndWhole(pool);
  });
});
