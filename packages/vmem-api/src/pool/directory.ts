// Where a pool's file is to be.

import { VmemError, describe } from '@vmem-ts/allocator';

/** @throws VmemError EINVAL if it can't be a path */
export function requireDirectory(dir: unknown): asserts dir is string {
  if (typeof dir === 'string' && dir !== '' && !dir.includes('\0')) return;
  throw new VmemError('EINVAL', `dir: expected the path of a directory, got ${describe(dir)}`);
}
