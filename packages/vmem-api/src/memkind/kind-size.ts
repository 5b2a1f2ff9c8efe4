// How large a kind in a file can become.

import { constants } from 'node:buffer';
import { statfsSync } from 'node:fs';
import { MAX_REGION, VmemError, describe } from '@vmem-ts/allocator';
import { isDevice } from '../backends/dax-device';
import { requireDirectory } from '../pool/directory';
import { failingAs } from '../pool/failures';
import { VMEM_MIN_POOL } from '../pool/limits';
import type { VmemOptions } from '../pool/options';
import { Vmem } from '../vmem';
import { MEMKIND_PMEM_CHUNK_SIZE, MEMKIND_PMEM_MIN_SIZE } from './codes';

/**
 * The limit that a caller asks for, in whole chunks; 0 for none.
 * @throws VmemError EINVAL; ENOTSUP: no pool is so large
 */
export function sizeLimit(maxSize: unknown): number {
  const isLimit = typeof maxSize === 'number' && Number.isSafeInteger(maxSize);
  if (isLimit && maxSize > MAX_REGION) {
    throw new VmemError('ENOTSUP', `maxSize: a kind has at most ${MAX_REGION} bytes, got ${maxSize}`);
  }
  if (maxSize === 0 || (isLimit && maxSize >= MEMKIND_PMEM_MIN_SIZE)) {
    return Math.ceil(maxSize / MEMKIND_PMEM_CHUNK_SIZE) * MEMKIND_PMEM_CHUNK_SIZE;
  }
  throw new VmemError(
    'EINVAL',
    `maxSize: expected 0 or at least ${MEMKIND_PMEM_MIN_SIZE} bytes (16 MiB), got ${describe(maxSize)}`,
  );
}

/**
 * Bytes of the file system that `dir` is in, those in use included: they may become free.
 * @throws VmemError with the code of statfs(2)
 */
export function fileSystemSize(dir: string): number {
  return failingAs(`the size of the file system of '${dir}' can't be told`, () => {
    const { blocks, bsize } = statfsSync(dir);
    return blocks * bsize;
  });
}

/**
 * A pool that takes little at first and grows up to `limit`; for 0 up to what the file system, the runtime and the process'
 * addresses allow. On a DAX device it is as large as that from the start.
 */
export function growingPool(dir: string, limit: number, options: VmemOptions): Vmem {
  requireDirectory(dir);
  // all of its storage is there from the start
  if (isDevice(dir))
    return Vmem.create(dir, VMEM_MIN_POOL, { ...options, ...(limit > 0 && { maxSize: limit }) });
  const create = (maxSize: number): Vmem => Vmem.create(dir, VMEM_MIN_POOL, { ...options, maxSize });
  return limit > 0 ? create(limit) : largestPool(mostOf(fileSystemSize(dir)), create);
}

/** Of a larger pool the page map leaves too little below 4 GiB for the states of small blocks. */
const MOST_FOR_SMALL_BLOCKS = 2 ** 38;

/** Bytes that a pool can have at most where there is room for so many. */
export function mostOf(room: number): number {
  const most = Math.min(room, MOST_FOR_SMALL_BLOCKS, constants.MAX_LENGTH);
  return Math.max(
    Math.floor(most / MEMKIND_PMEM_CHUNK_SIZE) * MEMKIND_PMEM_CHUNK_SIZE,
    MEMKIND_PMEM_MIN_SIZE,
  );
}

/** What lies in the way of a size, and not of a smaller one. */
const TOO_LARGE: readonly string[] = ['ENOMEM', 'ENOTSUP', 'EFBIG'];

/** What can be made of `size` bytes, or of a quarter of that and so on: all addresses of the process must not go into one pool. */
export function largestPool<T>(size: number, create: (maxSize: number) => T): T {
  for (let wanted = size; ; wanted = mostOf(wanted / 4)) {
    try {
      return create(wanted);
    } catch (error) {
      const isTooLarge = error instanceof VmemError && TOO_LARGE.includes(error.code);
      if (!isTooLarge || wanted <= MEMKIND_PMEM_MIN_SIZE) throw error;
    }
  }
}
