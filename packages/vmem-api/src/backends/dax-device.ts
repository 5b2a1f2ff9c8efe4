// A DAX device under a SharedArrayBuffer: the whole device, for one pool at a time. It has no file system, so it can't give
// single pages back, and it keeps what was written to it.

import { readlinkSync, statSync, type BigIntStats } from 'node:fs';
import { basename } from 'node:path';
import { VmemError } from '@vmem-ts/allocator';
import { alignedOffset, closeFile, fileInfo, lockFile, openFile, overlayFile, reserve } from '../native';
import { VMEM_MIN_POOL, runtimeLimit, usableBytes } from '../pool/limits';
import type { DevicePart, FileShare } from './backend';

/** True if the path names a device, of whatever kind. */
export function isDevice(path: string): boolean {
  const found = look(path);
  return found !== undefined && (found.isCharacterDevice() || found.isBlockDevice());
}

/** True if the path names a DAX device. */
export function isDaxDevice(path: string): boolean {
  const found = look(path);
  return found?.isCharacterDevice() === true && subsystemOf(found) === 'dax';
}

function look(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined; // who opens it hears why
  }
}

/** What sysfs says it belongs to; undefined if it doesn't. */
function subsystemOf({ rdev }: BigIntStats): string | undefined {
  // makedev(3)
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  try {
    return basename(readlinkSync(`/sys/dev/char/${major}:${minor}/subsystem`));
  } catch {
    return undefined;
  }
}

/** Devices of other kinds are not even opened: to open a watchdog starts it. */
function requireDaxDevice(path: string): void {
  const found = look(path);
  if (found?.isBlockDevice() === true) {
    throw new VmemError(
      'ENODEV',
      `'${path}' is a block device; name a directory of a file system on it, or make its namespace a devdax one (ndctl)`,
    );
  }
  if (found?.isCharacterDevice() === true && subsystemOf(found) !== 'dax') {
    throw new VmemError('ENODEV', `'${path}' is no DAX device, as /dev/dax0.0 is, but one of another kind`);
  }
}

/**
 * Opens the device and maps all of it, or what a pool can have of it.
 *
 * Nobody else may use it meanwhile who asks as this does (flock(2)), in this process or in another one. The device's
 * mappings begin at multiples of its alignment, mostly 2 MiB, so the buffer is longer by that much.
 *
 * @throws MmapError EBUSY: in use; ENODEV: a device of another kind; EIO: its size or alignment can't be told; EACCES, ...:
 *   open(2); VmemError ENOTSUP: the runtime has no buffer as large as the device, and all of it is wanted; EINVAL: it is
 *   smaller than the smallest pool
 */
export function mapDevice(path: string, { limit = Infinity, whole }: DevicePart): FileShare {
  requireDaxDevice(path);
  const fd = openFile(path);
  try {
    const { size: deviceBytes, alignment, id } = fileInfo(fd);
    lockFile(fd);
    const wanted = Math.min(Math.ceil(limit / alignment), Math.floor(deviceBytes / alignment)) * alignment;
    const size = usableBytes(wanted, alignment);
    if (whole && size < wanted) {
      throw runtimeLimit(wanted + alignment, undefined);
    }
    if (size < VMEM_MIN_POOL) {
      throw new VmemError(
        'EINVAL',
        `'${path}' has ${deviceBytes} bytes, of which ${size} can be used, expected at least ${VMEM_MIN_POOL} (14 MiB)`,
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
