// A DAX device under a SharedArrayBuffer: the whole device, for one pool at a time. It has no file system, so it can't give
// single pages back, and it keeps what was written to it.

import { statSync } from 'node:fs';
import { VmemError } from '@vmem-ts/allocator';
import { alignedOffset, closeFile, fileInfo, lockFile, openFile, overlayFile, reserve } from '../native';
import { VMEM_MIN_POOL, runtimeLimit } from '../pool/limits';
import type { FileShare } from './backend';

/** True if the path names a character device, of whatever kind. */
export function isDevice(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isCharacterDevice() ?? false;
  } catch {
    return false; // who opens it hears why
  }
}

/**
 * Opens the device and maps all of it.
 *
 * Nobody else may use it meanwhile who asks as this does (flock(2)), in this process or in another one. The device's
 * mappings begin at multiples of its alignment, mostly 2 MiB, so the buffer is longer by that much.
 *
 * @throws MmapError EBUSY: in use; ENODEV: a device of another kind; EACCES, ...: open(2); VmemError ENOTSUP: the runtime has no
 *   buffer as large as the device; EINVAL: it is smaller than the smallest pool
 */
export function mapDevice(path: string): FileShare {
  const fd = openFile(path);
  try {
    const { size: deviceBytes, alignment, id } = fileInfo(fd);
    lockFile(fd);
    const size = Math.floor(deviceBytes / alignment) * alignment;
    if (size < VMEM_MIN_POOL) {
      throw new VmemError(
        'EINVAL',
        `the device has ${size} bytes, expected at least ${VMEM_MIN_POOL} (14 MiB)`,
      );
    }
    const buffer = reserveAligned(size, alignment);
    const byteOffset = alignedOffset(buffer, alignment);
    overlayFile(buffer, byteOffset, size, fd, 0, 'shared');
    return { buffer, byteOffset, size, fd, file: id };
  } catch (error) {
    closeFile(fd);
    throw error;
  }
}

function reserveAligned(size: number, alignment: number): SharedArrayBuffer {
  try {
    return reserve(size, alignment);
  } catch (error) {
    throw runtimeLimit(size + alignment, error);
  }
}
