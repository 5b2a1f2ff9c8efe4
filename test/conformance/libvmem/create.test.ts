// What vmem_create makes, and what it refuses.

import { execFileSync } from 'node:child_process';
import { chmodSync, fstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SIZE_MAX,
  VMEM_MIN_POOL,
  vmem_create,
  vmem_createU,
  vmem_createW,
  vmem_create_in_region,
  vmem_errormsg,
} from '@vmem-ts/vmem-api/libvmem';
import { testOnTmpfs } from '../../support/disk';
import { MIB, PAGE, POOL_DIR, describeFiles, tracked } from '../../support/pools';
import { NOTHING_MORE, held, heldSince } from '../../support/process-resources';
import { outcome, script } from './forms';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(POOL_DIR, 'vmem-test-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

describeFiles('vmem_create', () => {
  it.each([
    ['vmem_create', vmem_create],
    ['vmem_createU', vmem_createU],
    ['vmem_createW', vmem_createW],
  ])('%s makes a file without a name whose space is allocated', (_, create) => {
    const vmp = tracked(create(dir, VMEM_MIN_POOL)!);
    expect(readdirSync(dir)).toEqual([]);
    const { size, blocks } = fstatSync(vmp.handle.fd);
    expect(size).toBe(VMEM_MIN_POOL);
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
    expect(vmp.backend).toBe('overlay');
  });

  it('has the size rounded up to whole pages', () => {
    const vmp = tracked(vmem_create(dir, VMEM_MIN_POOL + 1)!);
    expect(vmp.size).toBe(VMEM_MIN_POOL + PAGE);
    expect(fstatSync(vmp.handle.fd).size).toBe(VMEM_MIN_POOL + PAGE);
  });

  it('sets no errno', () => {
    const [vmp, error] = outcome(() => vmem_create(dir, VMEM_MIN_POOL));
    tracked(vmp!);
    expect(error).toBe('');
  });

  testOnTmpfs('size=64m', 'takes the space at once, and leaves it when the process is killed', (disk) => {
    const output = execFileSync(
      'sh',
      ['-c', '"$@" || echo "ended by $?"', 'sh', process.execPath, script('killed.js'), disk.dir],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const [used = 0] = output.split('\n').map(Number);
    expect(used).toBeGreaterThanOrEqual(VMEM_MIN_POOL);
    expect(output).toContain('ended by 137');
    expect(disk.used()).toBeLessThan(MIB);
  });
});

describe('vmem_create_error', () => {
  it.each([0, 1, VMEM_MIN_POOL - 1, NaN, VMEM_MIN_POOL + 0.5])('EINVAL: a pool of %d bytes', (size) => {
    expect(outcome(() => vmem_create(dir, size))).toEqual([null, 'EINVAL']);
    const region = new SharedArrayBuffer(VMEM_MIN_POOL);
    expect(outcome(() => vmem_create_in_region(region, size))).toEqual([null, 'EINVAL']);
  });

  it.each([-1, SIZE_MAX, 2 ** 53, 2 ** 60])('ENOMEM: a pool of %d bytes', (size) => {
    expect(outcome(() => vmem_create(dir, size))).toEqual([null, 'ENOMEM']);
  });

  it.each([undefined, null, 'large', 10n ** 9n, {}, Symbol('size')])('EINVAL: %p is no size', (size) => {
    expect(outcome(() => vmem_create(dir, size as number))).toEqual([null, 'EINVAL']);
  });

  it.each([undefined, null, 0, 'a\0b', ['.']])('EINVAL: %j is no directory', (path) => {
    expect(outcome(() => vmem_create(path as string, VMEM_MIN_POOL))).toEqual([null, 'EINVAL']);
  });
});

describeFiles('vmem_create_error', () => {
  const missing = 'invalid dir !@#$%^&*()=';
  it('ENOENT: a directory that there is not, which the message names', () => {
    expect(outcome(() => vmem_create(missing, VMEM_MIN_POOL))).toEqual([null, 'ENOENT']);
    expect(vmem_errormsg()).toContain(missing);
    expect(outcome(() => vmem_create('', VMEM_MIN_POOL))).toEqual([null, 'ENOENT']);
  });

  it('EINVAL, when both the size and the directory are wrong', () => {
    expect(outcome(() => vmem_create(missing, 0))).toEqual([null, 'EINVAL']);
    expect(outcome(() => vmem_create('', 0))).toEqual([null, 'EINVAL']);
  });

  it('ENOTDIR: a file', () => {
    writeFileSync(join(dir, 'file'), '');
    expect(outcome(() => vmem_create(join(dir, 'file'), VMEM_MIN_POOL))).toEqual([null, 'ENOTDIR']);
  });

  if (process.getuid?.() === 0) {
    it('EACCES: a directory that the user may not write to', () => {
      chmodSync(dir, 0o700);
      const args = [script('other-user.js'), dir, tmpdir()];
      expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('EACCES,none');
    });
  } else {
    it('EACCES: a directory that the user may not write to', () => {
      chmodSync(dir, 0o500);
      expect(outcome(() => vmem_create(dir, VMEM_MIN_POOL))).toEqual([null, 'EACCES']);
      chmodSync(dir, 0o700);
    });
  }

  testOnTmpfs('size=16m', 'ENOSPC: more than the disk has, of which nothing stays taken', (disk) => {
    const before = { used: disk.used(), ...held() };
    for (let i = 0; i < 10; i++) {
      expect(outcome(() => vmem_create(disk.dir, 64 * MIB))).toEqual([null, 'ENOSPC']);
      expect({ used: disk.used(), ...heldSince(before) }).toEqual({ used: before.used, ...NOTHING_MORE });
    }
  });
});
