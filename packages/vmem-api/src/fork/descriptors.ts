// Writing a pool's memory to files, and files for that.

import { readlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { VmemError, type StoredRange } from '@vmem-ts/allocator';
import { closeFile, fileInfo, openFile, openMemoryFile, openUnnamedFile } from '../native';
import { PAGE_SIZE } from '../pool/limits';

/** `f_type` of file systems in memory. */
const TMPFS = 0x01021994;
const CHUNK = 8 << 20;

/** Told of bytes that were written. */
export type OnWritten = (bytes: number) => void;

/**
 * Writes ranges of `bytes` to the same places of the file.
 *
 * Page by page where there is a file system: kernels make folios as large as what is written at once, and a folio takes its
 * storage as a whole when it is written to through a mapping. Pages in it that were given back would take it again, and on a
 * full disk the kernel ends the process (SIGBUS).
 */
export function writeOut(
  fd: number,
  bytes: Uint8Array,
  ranges: readonly StoredRange[],
  onWritten: OnWritten = () => undefined,
): void {
  const most = fileInfo(fd).fsType === TMPFS ? CHUNK : PAGE_SIZE;
  for (const { byteOffset, byteLength } of ranges) {
    const end = byteOffset + byteLength;
    let told = byteOffset;
    for (let at = byteOffset; at < end;) {
      at += writeSync(fd, bytes, at, Math.min(most, end - at), at);
      if (at - told < CHUNK && at < end) continue;
      onWritten(at - told);
      told = at;
    }
  }
}

/** Another descriptor for the file of `fd`, with a state of its own: locks that are taken by it belong to nobody else. */
export const reopen = (fd: number): number => openFile(nameOf(fd));

/**
 * A new file where that of `fd` is: in the same directory, or in memory.
 * @param dir another directory
 * @throws VmemError ENOTSUP for a device, which is in no directory that could be meant
 */
export function openBeside(fd: number, dir: string | undefined): number {
  if (dir !== undefined) return openUnnamedFile(dir);
  if (fd === -1) return openMemoryFile();
  if (fileInfo(fd).isCharDevice) {
    throw new VmemError(
      'ENOTSUP',
      'a device has no room for a copy of the pool on it: `dir` says where it is to be',
    );
  }
  const path = readlinkSync(nameOf(fd));
  return path.startsWith('/memfd:') ? openMemoryFile() : openUnnamedFile(dirname(path));
}

const nameOf = (fd: number): string => `/proc/self/fd/${fd}`;

/** Closes a descriptor of this process that another one was to have; where somebody else has closed it, there is nothing to do. */
export function closeAnyway(fd: number): void {
  try {
    closeFile(fd);
  } catch {
    // closed elsewhere
  }
}
