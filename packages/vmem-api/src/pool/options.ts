// The options that a pool is made with.

import { VmemError, describe, readingFrom, requireObject, type HeapOptions } from '@vmem-ts/allocator';
import type { BackendChoice } from '../backends/choose';

/** How a pool is made, all of it optional. */
export interface VmemOptions {
  /** Where the memory comes from; default `auto`: an overlay, or anonymous memory where the addon is missing. */
  readonly backend?: BackendChoice | undefined;
  /**
   * Bytes that the pool can grow to; default: it does not grow. It grows in steps when memory is out, in whichever thread,
   * without stopping the others, as long as the file system has room. Address space for all of it is taken at once: on
   * Node.js 20 that is at most 4 GiB. It also sets what the smallest blocks take: 8 bytes up to 16 GiB, 16 up to 32 GiB, and so
   * on to 256 bytes at 480 GiB, the most that there can be. Not for `createInRegion`, nor for the backend `mmap-io`. Of a device, which has all its
   * storage from the start, the pool takes so much, rounded up to the device's alignment; default: all.
   */
  readonly maxSize?: number | undefined;
  /**
   * True refuses (ENOTSUP) a DAX device that is larger than what a pool can have in this runtime: 4 GiB on Node.js 20. By
   * default the pool has the part that it can have, and its `info` tells both sizes.
   */
  readonly wholeDevice?: boolean | undefined;
  /**
   * What happens to free pages: by `default` they keep the file's space until `purge` or `delete`; `conservative` gives it
   * back where 256 KiB and more in a row have become free, in the slow paths of calls that free, and has the pool grow
   * by 256 KiB, or by what a request needs if that is more. memkind(3), MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE
   */
  readonly policy?: 'default' | 'conservative' | undefined;
  /** Threads that can be attached at once, 1 to 127; default 127. */
  readonly threads?: number | undefined;
  /** Bytes that a thread may cache of one size class, 64 to 1 MiB; default 1/1024 of the pool, 4 to 64 KiB. */
  readonly cacheBytes?: number | undefined;
}

/** What the heap is told of it. */
export type PoolOptions = Pick<HeapOptions, 'threads' | 'cacheBytes' | 'size' | 'policy'>;

/**
 * The options that there are, each read once.
 * @throws VmemError EINVAL
 */
export function readOptions(options: VmemOptions): {
  backend: BackendChoice;
  maxSize: number | undefined;
  wholeDevice: boolean;
  heap: PoolOptions;
} {
  requireObject('options', options);
  return readingFrom('options', () => {
    const { backend = 'auto', maxSize, wholeDevice = false, threads, cacheBytes, policy } = options;
    if (typeof (wholeDevice as unknown) !== 'boolean') {
      throw new VmemError('EINVAL', `wholeDevice: expected true or false, got ${describe(wholeDevice)}`);
    }
    return {
      backend,
      maxSize,
      wholeDevice,
      heap: {
        ...(threads !== undefined && { threads }),
        ...(cacheBytes !== undefined && { cacheBytes }),
        ...(policy !== undefined && { policy }),
      },
    };
  });
}
