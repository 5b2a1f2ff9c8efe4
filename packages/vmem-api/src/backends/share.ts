// What came in a handle, checked for what each kind of memory needs of it.

import { VmemError } from '@vmem-ts/allocator';
import { isShared } from '../pool/buffers';
import type { BackendName, FileShare, MemoryShare, PoolMemory, PoolMemoryLife } from './backend';

/**
 * The memory of a SharedArrayBuffer that came from another thread or from a caller.
 * @throws VmemError EINVAL
 */
export function sharedMemory(backend: BackendName, share: MemoryShare, life: PoolMemoryLife): PoolMemory {
  const { buffer, byteOffset, size, fd, file, sync } = share;
  if (!isShared(buffer)) {
    throw new VmemError('EINVAL', `handle: a pool of backend ${backend} needs its SharedArrayBuffer`);
  }
  const ofFile = { ...(file !== undefined && { file }), ...(sync === true && { sync }) };
  return { backend, buffer, byteOffset, size, fd, ...ofFile, ...life };
}

/** The same for memory without a file. */
export function fileless(backend: BackendName, share: MemoryShare, life: PoolMemoryLife): PoolMemory {
  if (share.fd !== -1 || share.file !== undefined) {
    throw new VmemError('EINVAL', `handle: a pool of backend ${backend} has no file`);
  }
  return sharedMemory(backend, share, life);
}

/** @throws VmemError EINVAL if the handle names no file */
export function requireFile(backend: BackendName, share: MemoryShare): FileShare {
  const { fd, file } = share;
  if (fd !== -1 && file !== undefined) return { ...share, file };
  throw new VmemError('EINVAL', `handle: a pool of backend ${backend} needs its file`);
}
