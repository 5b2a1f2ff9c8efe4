// What a thread posts to another one so that it can attach to a pool.

import { VmemError, readingFrom, type HeapHandle } from '@vmem-ts/allocator';
import type { BackendName, MemoryShare } from '../backends/backend';

/** Plain data and a SharedArrayBuffer: goes through `workerData` and `postMessage`. */
export interface VmemHandle extends MemoryShare {
  readonly backend: BackendName;
  /** Names the heap, so that a handle of a deleted pool is known. */
  readonly id: HeapHandle['id'];
}

const MAX_FD = 2 ** 31 - 1;

/**
 * The fields of a handle, each read once.
 * @throws VmemError EINVAL if it is none
 */
export function handleFields(handle: unknown): VmemHandle {
  const fields = typeof handle === 'object' && handle !== null ? (handle as Partial<VmemHandle>) : {};
  return readingFrom('handle', () => {
    const { backend, buffer, byteOffset, size, fd, file, sync, id } = fields;
    const isWhole = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
    const isFd = (isWhole(fd) && fd <= MAX_FD) || fd === -1;
    const isFile = (file === undefined || typeof file === 'string') && [undefined, true].includes(sync);
    const isNamed = typeof backend === 'string' && Array.isArray(id);
    if (!isNamed || !isWhole(byteOffset) || !isWhole(size) || !isFd || !isFile) {
      throw new VmemError('EINVAL', 'handle: expected the `handle` of a Vmem, or its structured clone');
    }
    const [low, high] = id;
    return {
      backend,
      byteOffset,
      size,
      fd,
      id: [low, high],
      ...(buffer && { buffer }),
      ...(file !== undefined && { file }),
      ...(sync === true && { sync }),
    };
  });
}
