// How small and how large a pool can be.

import { constants } from 'node:buffer';
import { MAX_REGION, PAGE_SIZE, VmemError, describe } from '@vmem-ts/allocator';

export { PAGE_SIZE };

/** Bytes of the smallest pool: `VMEM_MIN_POOL` of libvmem.h, 14 MiB. */
export const VMEM_MIN_POOL = 14 * 1024 * 1024;

/**
 * Bytes of a pool for a caller who asks for `size`, which is called `name`.
 * @throws VmemError EINVAL
 */
export function poolSize(size: unknown, name = 'size'): number {
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < VMEM_MIN_POOL) {
    throw new VmemError(
      'EINVAL',
      `${name}: expected a whole number of at least ${VMEM_MIN_POOL} bytes (14 MiB), got ${describe(size)}`,
    );
  }
  if (size > MAX_REGION) {
    throw new VmemError('ENOTSUP', `${name}: a pool has at most ${MAX_REGION} bytes, got ${size}`);
  }
  return Math.ceil(size / PAGE_SIZE) * PAGE_SIZE;
}

/**
 * Bytes of `size`, which is in units of `alignment`, that one buffer can have in this runtime, and one pool: whole units. The
 * buffer must be longer by one, to begin where it has to.
 */
export function usableBytes(size: number, alignment: number, most = constants.MAX_LENGTH): number {
  const room = alignment > PAGE_SIZE ? most - alignment : most;
  return Math.floor(Math.min(size, room, MAX_REGION) / alignment) * alignment;
}

/** The error for a pool that no buffer can be made for: ENOTSUP if the runtime never makes one so large, else ENOMEM. */
export function runtimeLimit(size: number, cause: unknown): VmemError {
  const what = `no buffer of ${size} bytes can be made`;
  if (size > MAX_REGION) {
    return new VmemError('ENOTSUP', `a pool has at most ${MAX_REGION} bytes, not ${size}`, { cause });
  }
  if (size <= constants.MAX_LENGTH) {
    const advice =
      'the address space of the process is at its limit (ulimit -v); use smaller pools, or fewer';
    return new VmemError('ENOMEM', `${what}: ${advice}`, { cause });
  }
  const { node } = process.versions;
  const advice =
    constants.MAX_LENGTH <= 2 ** 32
      ? `Node.js ${node} shares at most 4 GiB in one buffer; use Node.js 22 or later, or a smaller pool`
      : `Node.js ${node} makes none of more than ${constants.MAX_LENGTH} bytes; use a smaller pool`;
  return new VmemError('ENOTSUP', `${what}: ${advice}`, { cause });
}
