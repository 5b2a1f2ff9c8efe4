// Making a pool in a file: what it is in the file system, why it may fail, and that failures leave nothing behind.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, fstatSync, mkdtempSync, readdirSync, readlinkSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VMEM_MIN_POOL, Vmem } from '@vmem-ts/vmem-api';
import { skipTest, testOnTmpfs } from '../support/disk';
import {
  MIB,
  NODE_MAJOR,
  PAGE,
  POOL_DIR,
  describeEachKind,
  describeFiles,
  filePool,
  tracked,
} from '../support/pools';
import {
  NOTHING_MORE,
  collectGarbageUntil,
  countFileMappings,
  countOpenFiles,
  held,
  heldSince,
  mappedBytes,
} from '../support/process-resources';
import { failureOf, thrownBy } from '../support/thrown';
import { scriptPath } from '../support/worker';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(POOL_DIR, 'vmem-test-create-'));
});

afterEach(() => {
  rmdirSync(dir); // fails unless the directory is empty
});

const FILE_KINDS = ['overlay', 'mmap-io'] as const;

describeEachKind(
  'a pool in a file',
  ({ name }) => {
    const create = (size: number): Vmem => tracked(Vmem.create(dir, size, { backend: name as 'overlay' }));

    it('has no name', () => {
      const pool = create(VMEM_MIN_POOL);
      expect(readdirSync(dir)).toEqual([]);
      const { fd } = pool.handle;
      expect(readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${dir}/`)).toBe(true);
      expect(fstatSync(fd)).toMatchObject({ nlink: 0, dev: statSync(dir).dev });
    });

    it('is for its owner alone, whatever the umask', () => {
      const umask = process.umask(0);
      try {
        expect(fstatSync(create(VMEM_MIN_POOL).handle.fd).mode & 0o7777).toBe(0o600);
      } finally {
        process.umask(umask);
      }
    });

    it('has all of its storage from the start', () => {
      const { fd } = create(20 * MIB).handle;
      expect(fstatSync(fd).blocks * 512).toBeGreaterThanOrEqual(20 * MIB);
    });

    it('has a size of whole pages', () => {
      const pool = create(VMEM_MIN_POOL + 1);
      expect(pool.size).toBe(VMEM_MIN_POOL + PAGE);
      expect(fstatSync(pool.handle.fd).size).toBe(VMEM_MIN_POOL + PAGE);
      expect(pool.stats().size).toBe(VMEM_MIN_POOL + PAGE);
    });

    it('is not inherited by child processes', () => {
      const { ino } = fstatSync(create(VMEM_MIN_POOL).handle.fd);
      const print =
        'for (const fd of fs.readdirSync("/proc/self/fd")) try { console.log(fs.fstatSync(+fd).ino) } catch {}';
      const inodes = execFileSync(process.execPath, ['-e', print], { encoding: 'utf8' }).trim().split('\n');
      expect(inodes).not.toContain(String(ino));
    });

    it('leaves neither descriptors nor mappings nor addresses behind, hundreds of times', async () => {
      const rounds = name === 'overlay' ? 300 : 60;
      for (let i = 0; i < 3; i++) create(VMEM_MIN_POOL).delete();
      await collectGarbageUntil(() => false);
      // of files alone: the runtime's own heap grows by mappings, too, small ones
      const before = { files: countOpenFiles(), mappings: countFileMappings(), bytes: mappedBytes() };
      for (let i = 0; i < rounds; i++) {
        const pool = Vmem.create(dir, VMEM_MIN_POOL, { backend: name as 'overlay' });
        expect(pool.malloc(100)).toBeGreaterThan(0);
        pool.delete();
      }
      expect(countOpenFiles()).toBe(before.files);
      const isBack = await collectGarbageUntil(
        () => countFileMappings() < before.mappings + 10 && mappedBytes() < before.bytes + 16 * VMEM_MIN_POOL,
      );
      const after = { mappings: countFileMappings() - before.mappings, bytes: mappedBytes() - before.bytes };
      expect({ isBack, after }).toEqual({ isBack: true, after: expect.anything() as unknown });
    });
  },
  [...FILE_KINDS],
);

describeFiles('a pool that can’t be made', () => {
  it.each([
    ['EINVAL', VMEM_MIN_POOL - 1],
    ['EINVAL', 0],
    ['EINVAL', -VMEM_MIN_POOL],
  ])('%s: less than 14 MiB', (code, size) => {
    expect(failureOf(() => Vmem.create(dir, size))).toBe(`VmemError ${code}`);
  });

  const wrongPlaces: [string, () => string][] = [
    ['ENOENT', () => join(dir, 'missing')],
    ['ENOENT', () => join(dir, 'missing', 'deeper')],
    ['ENOTDIR', () => __filename],
    ['ENOTDIR', () => join(__filename, 'below')],
    ['ENAMETOOLONG', () => join(dir, 'x'.repeat(300))],
    ['EINVAL', () => ''],
    ['EINVAL', () => `${dir}\0`],
  ];
  it.each(wrongPlaces)('%s: a wrong place', (code, place) => {
    for (const backend of ['auto', 'overlay'] as const) {
      const error = thrownBy(() => Vmem.create(place(), VMEM_MIN_POOL, { backend }));
      expect(error).toMatchObject({ name: 'VmemError', code });
      if (code !== 'EINVAL') expect(error.message).toContain(place());
    }
  });

  it('leaves no descriptor and no mapping behind, hundreds of times', () => {
    const options = [{ threads: 0 }, { cacheBytes: 1 }, { backend: 'region' as 'auto' }];
    const attempt = (): void => {
      for (const [, place] of wrongPlaces) failureOf(() => Vmem.create(place(), VMEM_MIN_POOL));
      for (const bad of options) {
        expect(failureOf(() => Vmem.create(dir, VMEM_MIN_POOL, bad))).toBe('VmemError EINVAL');
      }
      expect(failureOf(() => Vmem.create(dir, 2 ** 50))).toMatch(/VmemError (EFBIG|ENOSPC|ENOTSUP)/);
    };
    attempt();
    const before = held();
    for (let i = 0; i < 200; i++) attempt();
    expect(heldSince(before)).toEqual(NOTHING_MORE);
  });

  it('a size that no file can have is an error of the pool', () => {
    expect(failureOf(() => Vmem.create(dir, 2 ** 52))).toMatch(/VmemError (EFBIG|ENOSPC|ENOTSUP)/);
  });

  it('a size that rounds up to 2^53 is one, too', () => {
    expect(failureOf(() => Vmem.create(dir, Number.MAX_SAFE_INTEGER))).toMatch(
      /VmemError (EFBIG|EINVAL|ENOTSUP)/,
    );
  });

  it('EMFILE: no descriptor left; the next one works', () => {
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', 'ulimit -n 64 && exec "$0" "$1" "$2"', process.execPath, scriptPath('descriptor-eater'), dir],
      { encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ full: 'VmemError EMFILE', leaked: 0, then: 'none' });
  });

  if (process.getuid?.() === 0) {
    it('EACCES: a directory that the user may not write to', () => {
      chmodSync(dir, 0o700);
      const stdout = execFileSync(process.execPath, [scriptPath('other-user'), dir, tmpdir()], {
        encoding: 'utf8',
      });
      expect(JSON.parse(stdout)).toEqual({ closed: 'VmemError EACCES', open: 'none', leaked: 0 });
    });
  } else {
    skipTest('EACCES: a directory that the user may not write to', 'takes root, to become another user');
  }

  testOnTmpfs('size=32m,ro', 'EROFS: a file system for reading only', (disk) => {
    expect(failureOf(() => Vmem.create(disk.dir, VMEM_MIN_POOL))).toBe('VmemError EROFS');
  });

  testOnTmpfs('size=16m', 'ENOSPC: 64 MiB on a disk of 16 MiB, which is as free as before', (disk) => {
    const before = { used: disk.used(), ...held() };
    for (const backend of ['overlay', 'auto'] as const) {
      for (let i = 0; i < 20; i++) {
        const error = thrownBy(() => Vmem.create(disk.dir, 64 * MIB, { backend }));
        expect(error).toMatchObject({ name: 'VmemError', code: 'ENOSPC' });
        expect(error.message).toContain(disk.dir);
        expect({ used: disk.used(), ...heldSince(before) }).toEqual({ used: before.used, ...NOTHING_MORE });
      }
    }
    const pool = tracked(Vmem.create(disk.dir, 15 * MIB)); // and there is room for what fits
    expect(failureOf(() => Vmem.create(disk.dir, VMEM_MIN_POOL))).toBe('VmemError ENOSPC');
    const whole = pool.stats().pagesFree;
    const view = pool.alloc(Uint8Array, whole - 64 * PAGE).fill(1); // every page has storage: no SIGBUS
    expect(view.at(-1)).toBe(1);
    pool.delete();
    expect(disk.used()).toBe(before.used);
  });

  if (NODE_MAJOR < 22) {
    testOnTmpfs('size=16m', 'ENOTSUP before storage is asked for: more than the runtime shares', (disk) => {
      const error = thrownBy(() => Vmem.create(disk.dir, 5 * 2 ** 30));
      expect(error).toMatchObject({ name: 'VmemError', code: 'ENOTSUP' });
      expect(error.message).toMatch(/4 GiB/);
    });
  }

  testOnTmpfs('size=16m', 'ENOSPC with mmap-io, too', (disk) => {
    const { code } = thrownBy(() => Vmem.create(disk.dir, 64 * MIB, { backend: 'mmap-io' }));
    expect(['ENOSPC', 'ENOTSUP']).toContain(code); // the latter where it can't be loaded
    expect(disk.used()).toBe(0);
    expect(readdirSync(disk.dir)).toEqual([]);
  });
});

describe('a pool in anonymous memory', () => {
  it('makes nothing of the directory', () => {
    const missing = join(dir, 'missing');
    const pool = tracked(Vmem.create(missing, VMEM_MIN_POOL, { backend: 'anonymous' }));
    expect(pool.handle.fd).toBe(-1);
    expect(failureOf(() => Vmem.create('', VMEM_MIN_POOL, { backend: 'anonymous' }))).toBe(
      'VmemError EINVAL',
    );
  });
});

describeFiles('pools side by side', () => {
  it('have memory of their own', () => {
    const pools = Array.from({ length: 8 }, () => filePool(VMEM_MIN_POOL));
    const views = pools.map((pool, i) => pool.alloc(Uint8Array, MIB).fill(i + 1));
    expect(views.every((view, i) => view.every((byte) => byte === i + 1))).toBe(true);
    expect(new Set(pools.map((pool) => JSON.stringify(pool.handle.id))).size).toBe(8);
    expect(new Set(pools.map((pool) => pool.handle.fd)).size).toBe(8);
  });
});
