// The default: an unnamed file whose space is really allocated, mapped under a growable SharedArrayBuffer.
// Deleting puts empty memory in the mapping's place, so the file's space is free at once and no view anywhere
// ever hits a hole.

import { VmemError } from '@vmem-ts/allocator';
import {
  advise,
  allocateFile,
  closeFile,
  dropMapping,
  fileInfo,
  loadError,
  openUnnamedFile,
  overlayFile,
  reserve,
} from '../native';
import { runtimeLimit } from '../pool/limits';
import type { Backend, FileShare, PoolMemory } from './backend';
import { requireFile, sharedMemory } from './share';

/** The largest page size of the processors that Node runs on. */
const TABLE_PAGE = 65536;

export const overlay: Backend = {
  unavailable: () => loadError()?.message,

  create(dir, size) {
    const fd = openUnnamedFile(dir);
    try {
      // before gigabytes of storage are asked for: a runtime may have no buffer that large
      const buffer = reserveFor(size);
      allocateFile(fd, 0, size);
      overlayFile(buffer, 0, size, fd, 0, 'shared');
      adviseTables(buffer, size);
      return mapped({ buffer, byteOffset: 0, size, fd, file: fileInfo(fd).id });
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  },

  attach: (share) => mapped(requireFile('overlay', share)),
};

function mapped(share: FileShare): PoolMemory {
  const { buffer, byteOffset, size, fd } = share;
  return sharedMemory('overlay', share, {
    zeroed: true,
    vanishes: true,
    confirm: () => {
      confirmFile(share);
    },
    release: () => {
      try {
        dropMapping(buffer!, byteOffset, size);
      } finally {
        closeFile(fd);
      }
    },
    leave: () => undefined,
  });
}

/**
 * The heap's tables and the first caches lie at the start, a few bytes on many pages. Without this advice a kernel reads
 * up to megabytes around each page that is touched first, which made creating a pool take 2 ms instead of 0.3.
 */
function adviseTables(buffer: SharedArrayBuffer, size: number): void {
  const tables = Math.min(size, Math.ceil(size / 64 / TABLE_PAGE) * TABLE_PAGE);
  advise(buffer, 0, tables, 'random');
}

/** A number of a descriptor can come to mean another file; whoever deletes the pool would close that one. */
function confirmFile({ fd, file, size }: FileShare): void {
  let info: ReturnType<typeof fileInfo>;
  try {
    info = fileInfo(fd);
  } catch (cause) {
    throw new VmemError('EINVAL', `handle: descriptor ${fd} is not that of the pool's file`, { cause });
  }
  if (info.id === file && info.size === size) return;
  throw new VmemError(
    'EINVAL',
    `handle: descriptor ${fd} is that of file ${info.id} of ${info.size} bytes, not of the pool's file ${file} of ${size}`,
  );
}

function reserveFor(size: number): SharedArrayBuffer {
  try {
    return reserve(size);
  } catch (error) {
    throw runtimeLimit(size, error);
  }
}
