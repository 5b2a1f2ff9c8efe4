// Whether a directory's files are in persistent memory: what a mapping with MAP_SYNC says.

import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import {
  MEMKIND_ERROR_MMAP,
  MEMKIND_ERROR_RUNTIME,
  MEMKIND_SUCCESS,
  errno,
  memkind_check_dax_path,
  memkind_pmem_validate_dir,
  setErrno,
} from '@vmem-ts/vmem-api/memkind';
import { skipTest, testOnTmpfs } from '../../support/disk';
import { POOL_DIR, describeFiles } from '../../support/pools';
import { NOTHING_MORE, held, heldSince, mappedBytes } from '../../support/process-resources';

const { ENOENT, EOPNOTSUPP, EINVAL } = constants.errno;

const FUNCTIONS = { memkind_check_dax_path, memkind_pmem_validate_dir };

describeFiles.each(Object.entries(FUNCTIONS))('%s', (_name, validate) => {
  const result = (dir: string): [status: number, errno: number] => {
    setErrno(0);
    return [validate(dir), errno()];
  };
  const daxDir = process.env['VMEM_TEST_DAX_DIR'];

  if (daxDir === undefined) {
    skipTest('check_dax success', 'VMEM_TEST_DAX_DIR names no directory on DAX');
  } else {
    it('check_dax success: a directory on DAX', () => {
      expect(result(daxDir)).toEqual([MEMKIND_SUCCESS, 0]);
    });
  }

  it('check_dax failures: a device that is no persistent memory', () => {
    expect(result('/dev/null')[0]).toBe(MEMKIND_ERROR_RUNTIME);
  });

  it('check_dax failures: non-existing path', () => {
    expect(result('/temp/no such directory')).toEqual([MEMKIND_ERROR_RUNTIME, ENOENT]);
    expect(result('')).toEqual([MEMKIND_ERROR_RUNTIME, EINVAL]);
    expect(result(undefined as never)).toEqual([MEMKIND_ERROR_RUNTIME, EINVAL]);
  });

  testOnTmpfs('size=1m', 'check_dax failures: a file system without DAX', ({ dir }) => {
    expect(result(dir)).toEqual([MEMKIND_ERROR_MMAP, EOPNOTSUPP]);
  });

  testOnTmpfs('size=1m,ro', 'check_dax failures: a directory that nobody can write to', ({ dir }) => {
    expect(result(dir)[0]).toBe(MEMKIND_ERROR_RUNTIME);
  });

  it('leaves nothing behind', () => {
    const dir = mkdtempSync(join(POOL_DIR, 'vmem-test-dax-'));
    validate(dir);
    const before = held();
    const addresses = mappedBytes();
    for (let i = 0; i < 200; i++) validate(dir);
    expect(heldSince(before)).toEqual(NOTHING_MORE);
    expect(mappedBytes() - addresses).toBeLessThan(256 * 2 ** 20);
    expect(readdirSync(dir)).toEqual([]);
    rmdirSync(dir);
  });
});
