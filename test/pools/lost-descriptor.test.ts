// Pools whose descriptor somebody else in the program has closed, so that its number means nothing or another file by now. Whatever
// needs the file is refused then, nothing is done to the other file, and the pool goes on with the storage that it has.

import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { VMEM_MIN_POOL, Vmem, type VmemOptions } from '@vmem-ts/vmem-api';
import { Forked, killForked } from '../support/forked-process';
import { problemsOf, writeTable } from '../support/pool-contents';
import { MIB, POOL_DIR, describeFiles, filePool } from '../support/pools';
import { failureOf, thrownBy } from '../support/thrown';

const BYTE = 0x41;
/** Bytes of the other file: more than a pool begins with, and less than it may have. */
const OTHER_SIZE = 20 * MIB;
const LARGE = 6 * MIB;
const REFUSED = { name: 'VmemError', code: 'EBADF' };

const mixedSizes = (i: number): number => (i % 50 === 0 ? 20_000 + i : 1 + ((i * 61) % 900));

interface Scene {
  readonly pool: Vmem;
  /** Live blocks, whose contents are known. */
  readonly table: number;
  /** A live block of LARGE bytes. */
  readonly large: number;
}

function sceneWith(options: VmemOptions = { maxSize: 64 * MIB }): Scene {
  const pool = filePool(VMEM_MIN_POOL, options);
  return { pool, table: writeTable(pool, 500, mixedSizes), large: pool.malloc(LARGE) };
}

/** Opens a file by that descriptor, which is free: system calls give the lowest one. */
function openAs(fd: number, path: string): void {
  const lower: number[] = [];
  let opened = openSync(path, 'r+');
  for (; opened < fd; opened = openSync(path, 'r+')) lower.push(opened);
  for (const each of lower) closeSync(each);
  expect(opened).toBe(fd);
}

interface OtherFile {
  readonly path: string;
  readonly ino: number;
  readonly size: number;
  readonly blocks: number;
}

function makeOther(dir: string): OtherFile {
  const path = join(dir, 'other');
  const fd = openSync(path, 'w');
  writeSync(fd, Buffer.alloc(OTHER_SIZE, BYTE));
  fsyncSync(fd); // else the file system gives it its blocks at some time
  const { ino, size, blocks } = fstatSync(fd);
  closeSync(fd);
  return { path, ino, size, blocks };
}

afterEach(killForked);

describeFiles.each([
  ['was closed', false],
  ['was closed, and is another file’s', true],
])('a pool whose descriptor %s', (_, isReused) => {
  let dir: string;
  let other: OtherFile;

  beforeEach(() => {
    dir = mkdtempSync(join(POOL_DIR, 'vmem-test-lost-'));
    other = makeOther(dir);
  });

  afterEach(() => {
    rmSync(dir, { recursive: true });
  });

  function lose({ pool }: Pick<Scene, 'pool'>): void {
    const { fd } = pool.handle;
    closeSync(fd);
    if (isReused) openAs(fd, other.path);
  }

  /** The pool is sound and goes on, the other file is as it was, and `delete` leaves that open. */
  function expectUnharmed({ pool, table }: Scene): void {
    const { fd } = pool.handle;
    expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
    expect(problemsOf(pool, table)).toEqual([]);
    expect(problemsOf(pool, writeTable(pool, 100, mixedSizes))).toEqual([]);
    expect(thrownBy(() => pool.info())).toMatchObject(REFUSED);
    expect(failureOf(() => pool.delete())).toBe('VmemError EBADF');
    expect(failureOf(() => pool.malloc(8))).toBe('VmemError ECLOSED');
    expect(failureOf(() => pool.delete())).toBe('none');
    if (!isReused) {
      expect(() => fstatSync(fd)).toThrow('EBADF');
      return;
    }
    const { ino, size, blocks } = fstatSync(fd);
    closeSync(fd);
    expect({ path: other.path, ino, size, blocks }).toEqual(other);
    expect(Buffer.compare(readFileSync(other.path), Buffer.alloc(OTHER_SIZE, BYTE))).toBe(0);
  }

  it('does not grow: EBADF, and what has storage is given out as before', () => {
    const scene = sceneWith();
    const { pool, large } = scene;
    const attached = Vmem.attach(pool.handle);
    const { backed } = pool.stats();
    lose(scene);
    const error = thrownBy(() => pool.malloc(20 * MIB));
    expect(error).toMatchObject(REFUSED);
    expect(error.message).toContain(`descriptor ${pool.handle.fd}`);
    expect(thrownBy(() => attached.calloc(20, MIB))).toMatchObject(REFUSED);
    expect(thrownBy(() => pool.realloc(large, 20 * MIB))).toMatchObject(REFUSED);
    expect(pool.usableSize(large)).toBe(LARGE);

    const more: number[] = [];
    const fillUp = (): void => {
      for (let i = 0; i < 100_000; i++) more.push(pool.malloc(3000));
    };
    expect(thrownBy(fillUp)).toMatchObject(REFUSED);
    expect(more.length * 3000).toBeGreaterThan(VMEM_MIN_POOL - LARGE - 4 * MIB);
    expect(pool.stats().backed).toBe(backed);
    for (const ptr of more) attached.free(ptr);
    pool.free(large);
    expect(attached.malloc(LARGE)).toBeGreaterThan(0);
    attached.detach();
    expectUnharmed(scene);
  });

  it('does not take up storage again that it gave back: EBADF', () => {
    const scene = sceneWith({});
    const { pool, large } = scene;
    const rest = pool.malloc(MIB);
    pool.free(large);
    expect(pool.purge()).toBeGreaterThan(LARGE);
    lose(scene);
    expect(thrownBy(() => pool.malloc(LARGE))).toMatchObject(REFUSED);
    expect(thrownBy(() => pool.malloc(LARGE))).toMatchObject(REFUSED);
    pool.free(rest); // what it goes on with
    expectUnharmed(scene);
  });

  it.each([
    ['that grows', { maxSize: 64 * MIB }],
    ['of one size', {}],
  ])('%s is not purged: EBADF, and it keeps its storage', (__, options) => {
    const scene = sceneWith(options);
    const { pool, large } = scene;
    pool.free(large);
    const { backed } = pool.stats();
    lose(scene);
    expect(thrownBy(() => pool.purge())).toMatchObject(REFUSED);
    expect(pool.stats().backed).toBe(backed);
    expect(pool.malloc(LARGE)).toBeGreaterThan(0);
    expectUnharmed(scene);
  });

  it('keeps the storage of blocks that are freed, without a word, though it is conservative', () => {
    const scene = sceneWith({ maxSize: 64 * MIB, policy: 'conservative' });
    const { pool, large } = scene;
    const before = pool.stats().backed;
    pool.free(pool.malloc(2 * MIB));
    const { backed } = pool.stats();
    expect(backed).toBeLessThan(before); // the policy is at work
    const others = [1, 2].map(() => pool.malloc(300_000));
    const kept = pool.stats().backed;
    lose(scene);
    for (const ptr of [large, ...others]) expect(failureOf(() => pool.free(ptr))).toBe('none');
    expect(pool.stats().backed).toBe(kept);
    expect(pool.malloc(LARGE)).toBeGreaterThan(0);
    expectUnharmed(scene);
  });

  it('frees blocks without a word also after storage that it had given back was asked for', () => {
    const scene = sceneWith({ maxSize: 64 * MIB, policy: 'conservative' });
    const { pool, large } = scene;
    const blocks = [1, 2, 3].map(() => pool.malloc(MIB));
    pool.free(large);
    lose(scene);
    expect(thrownBy(() => pool.malloc(LARGE))).toMatchObject(REFUSED);
    for (const ptr of blocks) expect(failureOf(() => pool.free(ptr))).toBe('none');
    expectUnharmed(scene);
  });

  it.each([1, 2, 3] as const)('is not forked in mode %i: EBADF', (mode) => {
    const scene = sceneWith();
    lose(scene);
    expect(thrownBy(() => Forked.of(scene.pool, { mode }))).toMatchObject(REFUSED);
    expectUnharmed(scene);
  });

  it('is not forked beside another one, which can be thawed at once', () => {
    const scene = sceneWith();
    const sound = sceneWith();
    lose(scene);
    expect(thrownBy(() => Forked.of(sound.pool, { pools: { lost: scene.pool } }))).toMatchObject(REFUSED);
    const since = writeTable(sound.pool, 100, mixedSizes);
    expect(sound.pool.thaw()).toBeGreaterThan(0); // it was frozen already
    for (const table of [sound.table, since]) expect(problemsOf(sound.pool, table)).toEqual([]);
    expect(sound.pool.check()).toBe(1);
    expectUnharmed(scene);
  });

  it('is not thawed: EBADF, and it keeps in memory what was written since', async () => {
    const scene = sceneWith();
    const { pool } = scene;
    const child = Forked.of(pool, { mode: 1 });
    expect(await child.ask({ table: scene.table })).toMatchObject({ check: 1, problems: [] });
    expect(await child.end()).toBe(0);
    const since = writeTable(pool, 200, mixedSizes);
    lose(scene);
    expect(thrownBy(() => pool.thaw())).toMatchObject(REFUSED);
    expect(thrownBy(() => pool.thaw())).toMatchObject(REFUSED);
    expect(problemsOf(pool, since)).toEqual([]);
    expectUnharmed(scene);
  });
});

describeFiles('a pool that was deleted by another thread, which closes its descriptor', () => {
  it('is ECLOSED, and not said to have lost it', () => {
    const pool = filePool();
    Vmem.attach(pool.handle).delete();
    for (const call of [() => pool.purge(), () => pool.malloc(8), () => Forked.of(pool), () => pool.thaw()]) {
      expect(failureOf(call)).toBe('VmemError ECLOSED');
    }
  });
});
