// Pools in processes that were forked with them: the same blocks at the same pointers, and each goes on by itself.

import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { VMEM_MIN_POOL, Vmem, type ForkMode, type VmemForkOptions } from '@vmem-ts/vmem-api';
import { testOnTmpfs, usedBytes } from '../support/disk';
import { Forked, endOf, killForked, type ForkAnswer } from '../support/forked-process';
import { blocksOfTable, digestOf, fill, isFilled, problemsOf, writeTable } from '../support/pool-contents';
import { startThreads } from '../support/pool-threads';
import {
  MIB,
  POOL_DIR,
  describeEachKind,
  describeFiles,
  expectEmptyAndWhole,
  fileBytes,
  filePool,
  tracked,
} from '../support/pools';
import { collectGarbageUntil, countFileMappings, countOpenFiles } from '../support/process-resources';
import { failureOf, thrownBy } from '../support/thrown';
import { nextMessage, scriptPath, startWorker } from '../support/worker';

const WELL = { isInherited: true, check: 1, problems: [] };
const mixedSizes = (i: number): number => (i % 50 === 0 ? 20_000 + i : 1 + ((i * 61) % 900));

/** Descriptors that this process has, of whatever process it was waiting for. */
const settledFiles = async (count: number): Promise<boolean> => {
  for (let i = 0; i < 200 && countOpenFiles() > count; i++) await setTimeout(10);
  return countOpenFiles() <= count;
};

afterEach(killForked);

/** Has the system refuse one mapping, that of the `fatal`th range that becomes private; the result ends that. */
function failingOverlay(fatal: number): () => void {
  const path = join(dirname(require.resolve('@vmem-ts/mmap-helper')), 'addon.js');
  type Addon = Record<'overlayFile', (...args: unknown[]) => unknown>;
  const native = jest.requireActual<{ addon(): Addon }>(path).addon(); // the package does not export it
  const plain = native.overlayFile;
  let count = 0;
  native.overlayFile = (...args) =>
    args[3] === 'private' && count++ === fatal
      ? { code: 'ENOMEM', errno: 12, syscall: 'mmap', reason: 'by the test' }
      : plain(...args);
  return () => (native.overlayFile = plain);
}

describeEachKind('a forked pool', ({ name, create }) => {
  it.each([1, 2, 3] as const)('has the same blocks with the same contents, in mode %i', async (mode) => {
    const pool = create();
    const table = writeTable(pool, 2000, mixedSizes);
    for (const { ptr } of blocksOfTable(pool, writeTable(pool, 300, mixedSizes))) pool.free(ptr);
    const before = digestOf(pool);
    const child = Forked.of(pool, { mode });
    expect(await child.ask({ digest: true, table })).toMatchObject({ ...WELL, digest: before, threads: 1 });
    expect(digestOf(pool)).toBe(before);

    // each goes on, and the other one does not notice
    const theirs = await child.ask({ work: table });
    expect(theirs).toMatchObject(WELL);
    expect(digestOf(pool)).toBe(before);
    const { digest } = await child.ask({ digest: true });
    const mine = writeTable(pool, 1000, mixedSizes);
    for (const { ptr, size } of blocksOfTable(pool, table))
      new Uint8Array(pool.buffer, pool.byteOffset + ptr, size).fill(0);
    expect(await child.ask({ digest: true })).toMatchObject({ ...WELL, digest });
    expect(problemsOf(pool, mine)).toEqual([]);
    expect(pool.checkReport().problems).toEqual([]);
    expect(await child.end()).toBe(0);
  });

  it('is not there in mode 0', async () => {
    const pool = create();
    expect(await Forked.of(pool, { mode: 0 }).ask({})).toEqual({ isInherited: false });
    expect(pool.thaw()).toBe(0);
  });

  it('is that of the moment of the fork, when the new process asks for it later', async () => {
    const pool = create();
    const table = writeTable(pool, 100, mixedSizes);
    const children = ([1, 1, 2] as const).map((mode) => Forked.of(pool, { mode }));
    for (const { ptr } of blocksOfTable(pool, table)) pool.free(ptr);
    pool.free(table);
    if (name !== 'region') pool.delete();
    for (const child of children) expect(await child.ask({ table })).toMatchObject(WELL);
  });
});

describeFiles('a forked pool', () => {
  it.each([1, 2, 3] as const)('is whole, though threads use the pool meanwhile, in mode %i', async (mode) => {
    const pool = filePool(32 * MIB);
    const table = writeTable(pool, 1000, mixedSizes);
    const threads = await startThreads(pool, 3);
    for (let round = 0; round < 3; round++) {
      const child = Forked.of(pool, { mode });
      expect(await child.ask({ table })).toMatchObject({ ...WELL, threads: 1 });
      expect(await child.ask({ work: table })).toMatchObject(WELL);
      expect(await child.end()).toBe(0);
    }
    expect(await threads.stop()).toEqual([]);
    expect(problemsOf(pool, table)).toEqual([]);
    expect(pool.checkReport().problems).toEqual([]);
    pool.thaw();
    expect(problemsOf(pool, table)).toEqual([]);
    expect(pool.check()).toBe(1);
  });

  it.each([1, 2, 3] as const)(
    'can be forked on, four generations with two threads each, in mode %i',
    async (mode) => {
      const pool = filePool();
      const table = writeTable(pool, 300, mixedSizes);
      const threads = await startThreads(pool, 2);
      const children = [Forked.of(pool, { mode }), Forked.of(pool, { mode })];
      const answers = await Promise.all(children.map((child) => child.ask({ table, generations: 3, mode })));
      for (const answer of answers) expect(answer).toMatchObject({ ...WELL, threads: 1, generations: 3 });
      for (const child of children) expect(await child.end()).toBe(0);
      expect(await threads.stop()).toEqual([]);
      expect(problemsOf(pool, table)).toEqual([]);
      expect(pool.check()).toBe(1);
    },
  );

  it('grows in each of the two processes by itself', async () => {
    for (const mode of [1, 2] as const) {
      const pool = filePool(VMEM_MIN_POOL, { maxSize: 64 * MIB });
      const table = writeTable(pool, 500, mixedSizes);
      pool.free(pool.malloc(30 * MIB));
      expect(pool.purge()).toBeGreaterThan(20 * MIB);
      const child = Forked.of(pool, { mode });
      expect(await child.ask({ table, take: 40 * MIB })).toMatchObject({ ...WELL, taken: true });
      const ptr = pool.malloc(35 * MIB);
      fill(pool, ptr, 35 * MIB);
      expect(await child.ask({ table, take: 40 * MIB })).toMatchObject({ ...WELL, taken: true });
      expect(isFilled(pool, ptr, 35 * MIB)).toBe(true);
      expect(problemsOf(pool, table)).toEqual([]);
      expect(await child.end()).toBe(0);
      pool.thaw();
      expect(isFilled(pool, ptr, 35 * MIB)).toBe(true);
      expect(problemsOf(pool, table)).toEqual([]);
      pool.free(ptr);
      expect(pool.purge()).toBeGreaterThan(20 * MIB);
      expect(fileBytes(pool)).toBeLessThan(30 * MIB);
      expect(pool.check()).toBe(1);
    }
  });

  it('lives on when the process that it came from has ended', async () => {
    for (const mode of ['1', '2']) {
      const parent = spawn(process.execPath, [scriptPath('fork-and-die'), POOL_DIR, mode], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [said, status] = await Promise.all([text(parent.stdout), endOf(parent)]);
      expect([status, JSON.parse(said)]).toEqual([0, { check: 1, problems: [] }]);
    }
  });

  it('is one of several, by their names', async () => {
    const [pool, second, third] = [filePool(), filePool(), filePool(VMEM_MIN_POOL, { backend: 'anonymous' })];
    const digests = [pool, second, third].map((each, i) => {
      writeTable(each, 50 + i, mixedSizes);
      return digestOf(each);
    });
    for (const mode of [1, 2] as const) {
      const child = Forked.of(pool, { mode, pools: { second, third } });
      expect(await child.ask({ digest: true })).toMatchObject({ ...WELL, digest: digests[0] });
      expect(await child.ask({ digest: true, name: 'third' })).toMatchObject({ ...WELL, digest: digests[2] });
      expect(await child.ask({ digest: true, name: 'second' })).toMatchObject({
        ...WELL,
        digest: digests[1],
      });
      expect(await child.ask({ name: 'fourth' })).toEqual({ isInherited: false });
      await child.end();
    }
  });

  it('is for the process that was started, and for none further down', async () => {
    const pool = filePool();
    // this one does not ask for the pool, and starts another one with its environment
    const script = `
      const { fork } = require('node:child_process');
      const child = fork(${JSON.stringify(scriptPath('forked'))});
      child.once('message', (answer) => process.send(answer, () => process.exit(0)));
      child.send({});
    `;
    const child = pool.fork('-', [], { execArgv: ['-e', script], execPath: process.execPath });
    const [answer] = (await once(child, 'message')) as [ForkAnswer];
    expect(answer).toEqual({ isInherited: false });
    await endOf(child);
  });

  it('can be forked and thawed by any of its threads', async () => {
    const pool = filePool();
    const table = writeTable(pool, 100, mixedSizes);
    for (const mode of [1, 2] as const) {
      const worker = startWorker('forking-thread', { handle: pool.handle, table, mode });
      expect(await nextMessage(worker)).toMatchObject({ ...WELL, threads: 1 });
      await worker.terminate();
      expect(pool.thaw()).toBe(0); // the thread has done so
    }
    expect(problemsOf(pool, table)).toEqual([]);
    expect(pool.check()).toBe(1);
  });

  it('is null where there is none', async () => {
    expect(Vmem.inherited()).toBeNull();
    expect(Vmem.inherited('other')).toBeNull();
    expect(failureOf(() => Vmem.inherited(7 as unknown as string))).toBe('VmemError EINVAL');
    const child = new Forked(fork(scriptPath('forked')));
    expect(await child.ask({})).toEqual({ isInherited: false });
  });

  it('leaves the program that is started its descriptors and environment', async () => {
    const pool = filePool();
    const script = `
      const { readFileSync } = require('node:fs');
      process.send([readFileSync(5, 'utf8'), process.env.A, process.env.PATH === undefined], () => process.exit(0));
    `;
    const given = spawn('echo', ['given'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const child = pool.fork('-', [], {
      execArgv: ['-e', script],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'ignore', given.stdout],
      env: { A: 'b' },
    });
    const [answer] = (await once(child, 'message')) as [unknown];
    expect(answer).toEqual(['given\n', 'b', true]);
    await endOf(child);
  });
});

describeFiles('the file of a pool that was forked copy-on-write', () => {
  it('takes up again what is written, after each of several snapshots', async () => {
    const pool = filePool();
    const table = writeTable(pool, 1000, mixedSizes);
    const threads = await startThreads(pool, 2);
    await threads.stop();
    for (let round = 1; round <= 4; round++) {
      const before = digestOf(pool);
      const child = Forked.of(pool);
      for (const { ptr, size } of blocksOfTable(pool, table).slice(0, round * 100))
        new Uint8Array(pool.buffer, ptr, size).fill(round);
      const more = writeTable(pool, 50, mixedSizes);
      expect(await child.ask({ digest: true })).toMatchObject({ ...WELL, digest: before });
      expect(await child.end()).toBe(0);
      const after = digestOf(pool);
      expect(pool.thaw()).toBeGreaterThan(0);
      expect(digestOf(pool)).toBe(after);
      expect(pool.checkReport().problems).toEqual([]);
      expect(problemsOf(pool, more)).toEqual([]);
      expect(pool.thaw()).toBe(0);
    }
  });

  it('can be frozen again by the threads that used it meanwhile', async () => {
    const pool = filePool();
    for (let round = 0; round < 3; round++) {
      const threads = await startThreads(pool, 3);
      const child = Forked.of(pool);
      expect(await child.ask({})).toMatchObject({ ...WELL, threads: 1 });
      await child.end();
      expect(await threads.stop()).toEqual([]);
      pool.thaw();
      expectEmptyAndWhole(pool);
    }
  });

  it('is left alone while a process has it, and had back when that has ended, however', async () => {
    const pool = filePool();
    const child = Forked.of(pool);
    expect(thrownBy(() => pool.thaw())).toMatchObject({ name: 'VmemError', code: 'EBUSY' });
    await child.ask({});
    expect(failureOf(() => pool.thaw())).toBe('VmemError EBUSY');
    expect(pool.check()).toBe(1);
    child.process.kill('SIGKILL');
    expect(await endOf(child.process)).toBe('SIGKILL');
    pool.thaw();
    expect(pool.check()).toBe(1);
  });

  it('is not had back by the process that it was frozen for', async () => {
    const pool = filePool();
    const child = Forked.of(pool);
    await expect(child.ask({ thaw: true })).rejects.toThrow(/process that it came from/);
    const copy = Forked.of(pool); // in memory, since the file is not the pool's any more
    expect(await copy.ask({ thaw: true })).toMatchObject(WELL);
  });

  it('keeps its storage while it is frozen', async () => {
    const pool = filePool(VMEM_MIN_POOL, { maxSize: 64 * MIB });
    pool.free(pool.malloc(20 * MIB));
    const before = fileBytes(pool);
    const child = Forked.of(pool);
    expect(pool.purge()).toBe(0);
    const ptr = pool.malloc(50 * MIB);
    fill(pool, ptr, 50 * MIB);
    expect(fileBytes(pool)).toBe(before);
    await child.end();
    expect(pool.thaw()).toBeGreaterThanOrEqual(49 * MIB);
    expect(fileBytes(pool)).toBeGreaterThan(50 * MIB);
    pool.free(ptr);
    expect(pool.purge()).toBeGreaterThanOrEqual(50 * MIB);
  });

  it('outlives the pool for the process that has it, and no longer', async () => {
    const pool = filePool();
    const table = writeTable(pool, 200, mixedSizes);
    const child = Forked.of(pool);
    pool.delete();
    expect(failureOf(() => pool.thaw())).toBe('VmemError ECLOSED');
    expect(await child.ask({ table, work: table })).toMatchObject(WELL);
    await child.end();
  });
});

describeFiles('a fork', () => {
  const tmpfs = (dir: string, size = VMEM_MIN_POOL): Vmem =>
    tracked(Vmem.create(dir, size, { backend: 'overlay' }));

  testOnTmpfs(
    'size=40m',
    'without room for a copy is an error in mode 2, and leaves nothing',
    async (disk) => {
      const pool = tmpfs(disk.dir, 24 * MIB);
      const table = writeTable(pool, 500, mixedSizes);
      const [used, files] = [disk.used(), countOpenFiles()];
      expect(thrownBy(() => Forked.of(pool, { mode: 2 }))).toMatchObject({
        name: 'VmemError',
        code: 'ENOSPC',
      });
      expect([disk.used(), countOpenFiles()]).toEqual([used, files]);
      expect(pool.thaw()).toBe(0); // it is not frozen
      expect(problemsOf(pool, table)).toEqual([]);
      expect(pool.check()).toBe(1);
    },
  );

  testOnTmpfs('size=40m', 'without room for a copy is one copy-on-write in mode 3', async (disk) => {
    const pool = tmpfs(disk.dir, 24 * MIB);
    const table = writeTable(pool, 500, mixedSizes);
    const used = disk.used();
    const children = [Forked.of(pool, { mode: 3 }), Forked.of(pool, { mode: 3 })];
    expect(disk.used()).toBe(used);
    for (const child of children) expect(await child.ask({ table, work: table })).toMatchObject(WELL);
    expect(problemsOf(pool, table)).toEqual([]);
    expect(disk.used()).toBe(used);
  });

  testOnTmpfs(
    'size=64m',
    'in mode 2 has all the storage that the pool has, until the process ends',
    async (disk) => {
      const pool = tmpfs(disk.dir);
      const table = writeTable(pool, 500, mixedSizes);
      const child = Forked.of(pool, { mode: 2 });
      expect(disk.used()).toBe(2 * VMEM_MIN_POOL);
      expect(await child.ask({ work: table })).toMatchObject(WELL);
      const further = Forked.of(pool, { mode: 2, dir: POOL_DIR });
      expect(disk.used()).toBe(2 * VMEM_MIN_POOL);
      expect(await further.ask({ table })).toMatchObject(WELL);
      child.process.kill('SIGKILL');
      await endOf(child.process);
      expect(disk.used()).toBe(VMEM_MIN_POOL);
    },
  );

  testOnTmpfs('size=30m', 'that can not be thawed for want of room stays as it is', async (disk) => {
    const pool = tracked(Vmem.create(disk.dir, VMEM_MIN_POOL, { backend: 'overlay', maxSize: 64 * MIB }));
    const child = Forked.of(pool);
    const ptr = pool.malloc(40 * MIB); // in memory
    fill(pool, ptr, 40 * MIB);
    await child.end();
    const used = disk.used();
    expect(thrownBy(() => pool.thaw())).toMatchObject({ name: 'VmemError', code: 'ENOSPC' });
    expect(isFilled(pool, ptr, 40 * MIB)).toBe(true);
    expect(disk.used()).toBe(used);
    expect(pool.check()).toBe(1);
    expect(await Forked.of(pool).ask({})).toMatchObject(WELL);
  });

  testOnTmpfs('size=64m', 'leaves no descriptor, mapping or storage behind', async (disk) => {
    const pool = tmpfs(disk.dir);
    const table = writeTable(pool, 300, mixedSizes);
    const once = async (mode: ForkMode): Promise<ForkAnswer> => {
      const child = Forked.of(pool, { mode });
      const answer = await child.ask({ table });
      expect(await child.end()).toBe(0);
      pool.thaw();
      return answer;
    };
    for (const mode of [0, 1, 2] as const) await once(mode);
    const before = { files: countOpenFiles(), mappings: countFileMappings(), used: disk.used() };
    const inChild = new Set<number | undefined>();
    for (let round = 0; round < 4; round++)
      for (const mode of [1, 2] as const) inChild.add((await once(mode)).files);
    expect(inChild.size).toBe(1);
    expect(await settledFiles(before.files)).toBe(true);
    expect(disk.used()).toBe(before.used);
    expect(await collectGarbageUntil(() => countFileMappings() <= before.mappings)).toBe(true);
    pool.delete();
    expect(usedBytes(disk.dir)).toBe(0);
  });

  it('tells how far a copy is', async () => {
    const pool = filePool(64 * MIB);
    const ptr = pool.malloc(40 * MIB);
    for (const options of [{ mode: 2 }, { mode: 1 }, { mode: 1 }] as const) {
      const told: [number, number][] = [];
      const child = Forked.of(pool, {
        ...options,
        onProgress: (copied, total) => told.push([copied, total]),
      });
      if (options.mode === 2 || told.length > 0) {
        const [, total] = told[0];
        expect(total).toBeGreaterThan(40 * MIB);
        expect(total).toBeLessThan(60 * MIB);
        expect(told.length).toBeGreaterThan(4);
        expect(told.at(-1)).toEqual([total, total]);
        expect(told.every(([copied], i) => copied > (told[i - 1]?.[0] ?? 0))).toBe(true);
      }
      await child.ask({});
    }
    pool.free(ptr);
  });

  it('ends with what the caller’s own code throws, and that can not use the pool', () => {
    const pool = filePool();
    const files = countOpenFiles();
    const failures: string[] = [];
    const error = new Error('enough');
    for (const mode of [2, 3] as const) {
      const onProgress = (): void => {
        for (const call of [
          () => pool.malloc(8),
          () => pool.check(),
          () => pool.detach(),
          () => pool.delete(),
        ])
          failures.push(failureOf(call));
        throw error;
      };
      expect(thrownBy(() => Forked.of(pool, { mode, onProgress }))).toBe(error);
    }
    expect(new Set(failures)).toEqual(new Set(['VmemError EBUSY']));
    expect(countOpenFiles()).toBe(files);
    pool.free(pool.malloc(8));
    expect(pool.check()).toBe(1);
    expect(pool.thaw()).toBe(0);
  });

  it.each([0, 1])(
    'that fails at range %i of the pool leaves it as it was, also for the next one',
    async (fatal) => {
      const pool = filePool();
      const files = countOpenFiles();
      const table = writeTable(pool, 500, mixedSizes);
      const restore = failingOverlay(fatal);
      expect(thrownBy(() => pool.fork('/x'))).toMatchObject({ code: 'ENOMEM' });
      restore();
      expect(countOpenFiles()).toBe(files);
      writeTable(pool, 200, mixedSizes);
      const before = digestOf(pool);
      const child = Forked.of(pool);
      await child.ask({});
      const mine = writeTable(pool, 3000, mixedSizes);
      expect(await child.ask({ digest: true, table })).toMatchObject({ ...WELL, digest: before });
      expect(await child.end()).toBe(0);
      pool.thaw();
      expect(problemsOf(pool, mine)).toEqual([]);
      expect(pool.checkReport().problems).toEqual([]);
    },
  );

  it('leaves nothing behind of what an accessor of the caller’s environment throws', () => {
    const pool = filePool();
    const files = countOpenFiles();
    const error = new Error('not this one');
    const env = {
      get PATH(): string {
        throw error;
      },
    };
    for (const mode of [1, 2, 3] as const)
      expect(thrownBy(() => pool.fork('/x', [], { mode, env }))).toBe(error);
    expect(countOpenFiles()).toBe(files);
    expect(pool.thaw()).toBe(0);
  });

  it('refuses arguments that make no sense before it does anything', () => {
    const pool = filePool();
    const wrong: [unknown, unknown?, unknown?][] = [
      [undefined],
      [7],
      ['/x', 'no array'],
      ['/x', [7]],
      ['/x', [], null],
      ['/x', [], { mode: 4 }],
      ['/x', [], { mode: -1 }],
      ['/x', [], { mode: '1' }],
      ['/x', [], { onProgress: 1 }],
      ['/x', [], { dir: '' }],
      ['/x', [], { pools: { a: {} } }],
      ['/x', [], { pools: { '': pool } }],
      ['/x', [], { stdio: [0, 1, 2] }],
      [
        '/x',
        [],
        {
          get mode() {
            throw new Error('no mode');
          },
        },
      ],
    ];
    for (const args of wrong) {
      const call = (): unknown => Reflect.apply(pool.fork, pool, args);
      expect([args, failureOf(call)]).toEqual([args, expect.stringMatching(/^(VmemError EINVAL|Error)$/)]);
    }
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const revoked: [any, any?, any?][] = [
      [proxy],
      ['/x', proxy],
      ['/x', [], { stdio: proxy }],
      ['/x', [], { env: proxy }],
    ];
    for (const args of revoked) expect(failureOf(() => pool.fork(...args))).toBe('VmemError EINVAL');
    expect(pool.thaw()).toBe(0);
    const options = { cwd: 7 } as unknown as VmemForkOptions; // what only child_process.fork refuses
    expect(failureOf(() => pool.fork('/x', [], options))).toBe('VmemError EINVAL');
    pool.thaw();
    pool.delete();
    expect(failureOf(() => pool.fork('/x'))).toBe('VmemError ECLOSED');
  });
});
