/*
 * Files to map: opening them without a name, having their space allocated, giving it back.
 */
import { addon } from './addon.js';
import { requireFd, requireFileRange, requireOneOf, requirePath } from './arguments.js';
import { requireDone, requireResult } from './mmap-error.js';

/**
 * Opens a new file without a name in the directory `dir`, for reading and writing, mode 0600. Its space is free as soon
 * as the last descriptor and the last mapping are gone, however the process ends. Where the file system has no such
 * files (open(2), O_TMPFILE), a file with a random name is created and unlinked at once.
 *
 * The descriptor belongs to the process, not to the calling thread as one of `fs.openSync` does: it outlives the
 * worker, until `closeFile`.
 *
 * @returns the file descriptor
 * @throws TypeError, RangeError: `dir` is no path; MmapError with `path` as open(2) says: ENOENT, ENOTDIR, EACCES,
 *   EROFS, EMFILE, ENOSPC, ...
 */
export function openUnnamedFile(dir: string): number {
  const path = requirePath(dir, 'dir');
  return requireResult(addon().openUnnamedFile(path), { path });
}

/**
 * Opens an existing file or DAX device for reading and writing. Like that of `openUnnamedFile`, the descriptor outlives
 * the worker that opened it.
 *
 * @returns the file descriptor
 * @throws TypeError, RangeError: no path; MmapError with `path` as open(2) says: ENOENT, EACCES, EISDIR, ...
 */
export function openFile(path: string): number {
  const checked = requirePath(path, 'path');
  return requireResult(addon().openFile(checked), { path: checked });
}

/**
 * Opens a new file in memory, for reading and writing, that only its descriptor leads to (memfd_create(2)). It is empty;
 * its pages take memory when they are written, and are never missing: there is no file system that could be full.
 *
 * @returns the file descriptor; like that of `openUnnamedFile`, it outlives the worker that opened it
 * @throws MmapError: EMFILE, ENFILE, ENOMEM; ENOSYS before Linux 3.17
 */
export function openMemoryFile(): number {
  return requireResult(addon().openMemoryFile(), {});
}

/**
 * A second descriptor for the same open file, for a descriptor that this package did not open, such as one that came with
 * the process. Like that of `openUnnamedFile` it outlives the worker, and `closeFile` closes it. `fd` stays open.
 *
 * @returns the file descriptor
 * @throws TypeError, RangeError: no descriptor; MmapError with `fd`: EBADF, EMFILE, and for what can't be mapped as `fileInfo`
 */
export function adoptFile(fd: number): number {
  const checked = requireFd(fd);
  return requireResult(addon().adoptFile(checked), { fd: checked });
}

/** `'exclusive'`: for one alone; `'shared'`: for any number, who all keep out the one; `'none'`: not any more. */
export type FileLock = 'exclusive' | 'shared' | 'none';

const FILE_LOCKS: readonly FileLock[] = ['exclusive', 'shared', 'none'];

/**
 * Keeps others from doing the same with that file or device, in this process or in another one, until the descriptor is
 * closed and all of its mappings are gone (flock(2)). Who does not ask is not kept out.
 *
 * The lock is that of the open file: descriptors that were duplicated or inherited share it, others for the same file don't.
 *
 * @throws TypeError, RangeError: no descriptor, or no lock; MmapError with `fd`: EBUSY, somebody else has done so; EBADF
 */
export function lockFile(fd: number, lock: FileLock = 'exclusive'): void {
  const checked = requireFd(fd);
  const how = requireOneOf(lock, 'lock', FILE_LOCKS);
  requireDone(addon().lockFile(checked, how), { fd: checked });
}

/**
 * Closes a descriptor that a function of this package returned. Mappings of the file stay. Other descriptors are refused: to
 * close one that the runtime uses would end the process.
 *
 * @throws TypeError, RangeError: no descriptor; MmapError with `fd`: EBADF, it is not one of this package, or closed
 */
export function closeFile(fd: number): void {
  const checked = requireFd(fd);
  requireDone(addon().closeFile(checked), { fd: checked });
}

/**
 * Gives `length` bytes of a regular file from `offset` on real storage, and makes the file longer if it ends before.
 * A page without storage kills the process (SIGBUS) when it is touched on a full file system; afterwards none of these
 * can. On failure the file has its old size and its old storage. Allocations of one process wait for each other.
 *
 * Uses fallocate(2), or writes to each block where a file system has none of that, as posix_fallocate(3) does.
 *
 * @throws TypeError, RangeError: arguments (`length` from 1, `offset + length` up to 2^53-1); MmapError with `fd` and
 *   `range`: ENOSPC, EDQUOT, EFBIG, EBADF (closed, or not open for writing), EISDIR, ESPIPE, ENODEV (no regular file)
 */
export function allocateFile(fd: number, offset: number, length: number): void {
  const checked = requireFd(fd);
  const range = requireFileRange(offset, length);
  requireDone(addon().allocateFile(checked, range.offset, range.length), { fd: checked, range });
}

/**
 * Gives the storage of whole blocks inside a range back. The range reads as zeros, the file keeps its size
 * (fallocate(2), FALLOC_FL_PUNCH_HOLE).
 *
 * @throws TypeError, RangeError: arguments, as for `allocateFile`; MmapError with `fd` and `range`: EOPNOTSUPP where the
 *   file system can't, EBADF, EISDIR, ESPIPE, ENODEV
 */
export function punchHole(fd: number, offset: number, length: number): void {
  const checked = requireFd(fd);
  const range = requireFileRange(offset, length);
  requireDone(addon().punchHole(checked, range.offset, range.length), { fd: checked, range });
}

/** What can be mapped behind a descriptor. */
export interface FileInfo {
  /** Bytes that can be mapped. For a DAX device the size that sysfs tells: fstat(2) says 0. */
  readonly size: number;
  /** Bytes of storage that the file has (`st_blocks`); 0 for a device. */
  readonly blocksBytes: number;
  /** The address, file offset and length of an overlay are multiples of this: the page size, or a DAX device's own. */
  readonly alignment: number;
  /** True for a DAX device, false for a regular file. */
  readonly isCharDevice: boolean;
  /**
   * True if loads and stores in a mapping reach the storage itself, with no page cache between: a DAX device, or a file that
   * its file system keeps in such a way (statx(2), STATX_ATTR_DAX). False also where the kernel doesn't tell, before 5.8.
   */
  readonly isDax: boolean;
  /** The device's numbers; 0 for a regular file. */
  readonly major: number;
  readonly minor: number;
  /** The file system's magic number, `f_type` of statfs(2): 0x01021994 is tmpfs, 0xef53 is ext4. */
  readonly fsType: number;
  /**
   * Tells files that exist at the same time apart: `st_dev` and `st_ino` of fstat(2), in hexadecimal, with a colon
   * between them. (As numbers they may be too large.) A later file may get that of one that is gone.
   */
  readonly id: string;
}

/**
 * @throws TypeError, RangeError: no descriptor; MmapError with `fd`: EBADF, and EISDIR, ESPIPE, ENODEV for what can't be
 *   mapped (directories, pipes and sockets, devices other than DAX), EIO for a DAX device of which sysfs doesn't tell size
 *   and alignment
 */
export function fileInfo(fd: number): FileInfo {
  const checked = requireFd(fd);
  return requireResult(addon().fileInfo(checked), { fd: checked });
}
