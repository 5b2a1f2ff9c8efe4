// The default: an unnamed file whose space is really allocated, mapped under a growable SharedArrayBuffer.
// Deleting puts empty memory in the mapping's place, so the file's space is free at once and no view anywhere
// ever hits a hole. The same goes for pages that a pool gives back while it is in use. A pool that grows has a file that
// is one hole at first, and pages of it are mapped as they get storage.

import { ftruncateSync } from 'node:fs';
import { VmemError, type PageSource } from '@vmem-ts/allocator';
import {
  advise,
  allocateFile,
  closeFile,
  dropMapping,
  fileInfo,
  loadError,
  openUnnamedFile,
  overlayFile,
  punchHole,
  reserve,
} from '../native';
import { failingAs } from '../pool/failures';
import { runtimeLimit } from '../pool/limits';
import type { Backend, FileShare, PoolMemory } from './backend';
import { requireFile, sharedMemory } from './share';

/** The largest page size of the processors that Node runs on. */
const TABLE_PAGE = 65536;

export const overlay: Backend = {
  unavailable: () => loadError()?.message,

  create(dir, size, maxSize = size) {
    const fd = openUnnamedFile(dir);
    try {
      // before gigabytes of storage are asked for: a runtime may have no buffer that large
      const buffer = reserveFor(maxSize);
      if (size < maxSize) {
        ftruncateSync(fd, maxSize); // one hole
      } else {
        allocateFile(fd, 0, size);
        overlayFile(buffer, 0, size, fd, 0, 'shared');
        adviseTables(buffer, size);
      }
      return mapped({ buffer, byteOffset: 0, size: maxSize, fd, file: fileInfo(fd).id });
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
    source: fileSource(share),
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

/** Pages of the buffer have storage at the same place of the file, and are mapped there, or have neither. */
function fileSource({ buffer, byteOffset: start, fd }: FileShare): PageSource {
  const map = (byteOffset: number, byteLength: number): void => {
    overlayFile(buffer!, start + byteOffset, byteLength, fd, byteOffset, 'shared');
  };
  return {
    back: (byteOffset, byteLength) => {
      failingAs('the pool cannot have more storage', () => {
        allocateFile(fd, byteOffset, byteLength);
        try {
          map(byteOffset, byteLength);
        } catch (error) {
          punchHole(fd, byteOffset, byteLength);
          throw error;
        }
      });
    },
    drop: (byteOffset, byteLength) => {
      // empty memory first: what anybody writes there meanwhile, by mistake, must not take storage again
      try {
        dropMapping(buffer!, start + byteOffset, byteLength);
      } catch {
        return false; // as many mappings as the system allows
      }
      try {
        punchHole(fd, byteOffset, byteLength);
        return true;
      } catch {
        map(byteOffset, byteLength); // a file system without holes
        return false;
      }
    },
  };
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
