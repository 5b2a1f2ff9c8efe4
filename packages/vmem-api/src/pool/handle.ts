// What a thread posts to another one so that it can attach to a pool.

import { VmemError, type HeapHandle } from '@vmem-ts/allocator';
import type { BackendName, MemoryShare } from '../backends/backend';

/** Plain data and a SharedArrayBuffer: goes through `workerData` and `postMessage`. */
export interface VmemHandle extends MemoryShare {
  readonly backend: BackendName;
  /** Names the heap, so that a handle of a deleted pool is known. */
  readonly id: HeapHandle['id'];
}

/**
 * The fields of a handle, each read once.
 * @throws VmemError EINVAL if it is none
 */
export function handleFields(handle: unknown): VmemHandle {
  const { backend, buffer, byteOffset, size, fd, id } = (
    typeof handle === 'object' && handle !== null ? handle : {}
  ) as Partial<VmemHandle>;
  const isWhole = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  const isFd = isWhole(fd) || fd === -1;
  if (typeof backend !== 'string' || !isWhole(byteOffset) || !isWhole(size) || !isFd || !Array.isArray(id)) {
    throw new VmemError('EINVAL', 'handle: expected the `handle` of a Vmem, or its structured clone');
  }
  return { backend, byteOffset, size, fd, id, ...(buffer && { buffer }) };
}
