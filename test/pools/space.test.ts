// The space of a pool's file: free as soon as the pool is deleted or its process is gone, whatever still looks at it.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { testOnTmpfs, usedBytes } from '../support/disk';
import { MIB, POOL_DIR, describeEachKind, describeFiles, loadMmapIo, tracked } from '../support/pools';
import { ask, nextMessage, scriptPath, startWorker } from '../support/worker';
import type { Answer } from './workers/pool-user';

describeEachKind(
  'deleting a pool',
  ({ name }) => {
    const backend = name as 'overlay';

    testOnTmpfs('size=64m', 'frees its space at once, though views on it live on', async (disk) => {
      const pool = tracked(Vmem.create(disk.dir, 32 * MIB, { backend }));
      expect(disk.used()).toBeGreaterThanOrEqual(32 * MIB);
      const view = pool.alloc(Uint8Array, 8 * MIB).fill(7);
      const worker = startWorker('pool-user', pool.handle);
      await nextMessage(worker);
      expect(await ask<Answer>(worker, { keepView: 4 * MIB })).toEqual({ failure: 'none' });
      pool.delete();
      expect(disk.used()).toBe(0);
      tracked(Vmem.create(disk.dir, 60 * MIB, { backend })).delete();
      expect(view.every((byte) => byte === 0)).toBe(true);
      expect(await ask<Answer>(worker, { readView: true })).toEqual({ failure: 'none', sum: 0 });
      if (name === 'overlay') {
        view.fill(1); // plain memory from now on
        expect(await ask<Answer>(worker, { writeView: 2 })).toEqual({ failure: 'none' });
        expect(disk.used()).toBe(0);
      }
    });

    testOnTmpfs('size=64m', 'works from a thread that did not create it', async (disk) => {
      const pool = tracked(Vmem.create(disk.dir, 32 * MIB, { backend }));
      const worker = startWorker('pool-user', pool.handle);
      await nextMessage(worker);
      expect(await ask<Answer>(worker, { delete: true })).toEqual({ failure: 'none' });
      expect(disk.used()).toBe(0);
      expect(() => pool.malloc(8)).toThrow(/deleted/);
      pool.delete();
      if (name === 'overlay') expect(disk.used()).toBe(0);
    });

    testOnTmpfs('size=64m', 'happens by itself when the process is killed', async (disk) => {
      const child = spawn(process.execPath, [scriptPath('pool-owner'), disk.dir, String(32 * MIB), backend], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      expect(disk.used()).toBeGreaterThanOrEqual(32 * MIB);
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
      expect(disk.used()).toBe(0);
    });
  },
  ['overlay', 'mmap-io'],
);

describeFiles('deleting a pool on the file system of the temporary files', () => {
  it('frees its space', () => {
    const size = 512 * MIB;
    const before = usedBytes(POOL_DIR);
    const pool = tracked(Vmem.create(POOL_DIR, size));
    expect(fstatSync(pool.handle.fd).blocks * 512).toBeGreaterThanOrEqual(size);
    const made = usedBytes(POOL_DIR);
    const view = pool.alloc(Uint8Array, 4 * MIB).fill(7);
    pool.delete();
    const after = usedBytes(POOL_DIR);
    expect(view[0]).toBe(0);
    // others use this file system as well: what they do meanwhile is small against the pool
    expect(made - before).toBeGreaterThan(size / 2);
    expect(made - after).toBeGreaterThan(size / 2);
  });

  it('closes the file in whichever thread it happens', async () => {
    const pool = tracked(Vmem.create(POOL_DIR, 16 * MIB));
    const { fd } = pool.handle;
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage(worker);
    await ask(worker, { delete: true });
    expect(() => fstatSync(fd)).toThrow('EBADF');
  });
});

describeEachKind(
  'the disk becomes full after a pool was deleted, and a view of it is read',
  ({ name }) => {
    const title = 'without the end of the process';
    // nothing in that package can put other memory in a mapping's place
    const test = name === 'mmap-io' ? testOnTmpfs.failing : testOnTmpfs;
    test('size=20m', title, (disk) => {
      const { signal, stdout } = spawnSync(process.execPath, [scriptPath('late-reader'), disk.dir, name], {
        encoding: 'utf8',
      });
      expect({ signal, stdout }).toEqual({ signal: null, stdout: 'ECLOSED 0' });
    });

    testOnTmpfs('size=20m', 'and methods of the pool are called in the thread that deleted it', (disk) => {
      const { signal, stdout } = spawnSync(process.execPath, [scriptPath('late-caller'), disk.dir, name], {
        encoding: 'utf8',
      });
      expect({ signal, stdout }).toEqual({ signal: null, stdout: 'VmemError ECLOSED' });
    });
  },
  ['overlay', 'mmap-io'],
);

const mmapIo = loadMmapIo();
(typeof mmapIo === 'string' ? describe.skip : describe)('deleting a pool of mmap-io', () => {
  it('from another thread, and then from the one that made it, closes the file', async () => {
    const pool = tracked(Vmem.create(POOL_DIR, 16 * MIB, { backend: 'mmap-io' }));
    const { fd }: VmemHandle = pool.handle;
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage(worker);
    await ask(worker, { delete: true });
    pool.delete();
    expect(() => fstatSync(fd)).toThrow('EBADF');
  });

  it('from another thread, and then detaching from it in the one that made it, does so, too', async () => {
    const pool = tracked(Vmem.create(POOL_DIR, 16 * MIB, { backend: 'mmap-io' }));
    const { fd }: VmemHandle = pool.handle;
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage(worker);
    await ask(worker, { delete: true });
    expect(fstatSync(fd).blocks).toBe(0);
    pool.detach();
    expect(() => fstatSync(fd)).toThrow('EBADF');
  });
});
