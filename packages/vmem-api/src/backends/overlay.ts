// The default: an unnamed file whose space is really allocated, mapped under a growable SharedArrayBuffer.
// Deleting puts empty memory in the mapping's place, so the file's space is free at once and no view anywhere
// ever hits a hole. The same goes for pages that a pool gives back while it is in use. A pool that grows has a file that
// is one hole at first, and pages of it are mapped as they get storage. A DAX device is mapped as a whole.

import { ftruncateSync } from 'node:fs';
import { VmemError, type PageSource } from '@vmem-ts/allocator';
import {
  advise,
  alignedOffset,
  allocateFile,
  closeFile,
  dropMapping,
  fileInfo,
  loadError,
  mayMap,
  openUnnamedFile,
  overlayFile,
  punchHole,
  reserve,
} from '../native';
import { failingAs } from '../pool/failures';
import { PAGE_SIZE, runtimeLimit } from '../pool/limits';
import type { Backend, FileShare, PoolMemory } from './backend';
import { mapDevice } from './dax-device';
import { poolFile, requirePoolFile } from './pool-file';
import { requireFile, sharedMemory } from './share';

/** Mappings that a hole in one makes: itself, and what was behind it. */
const HOLE = 2;

export const overlay: Backend = {
  unavailable: () => loadError()?.message,

  create(dir, size, maxSize = size) {
    const fd = openUnnamedFile(dir);
    try {
      const { id: file, isDax } = fileInfo(fd);
      // before gigabytes of storage are asked for: a runtime may have no buffer that large
      const place = { ...reserveFor(maxSize, isDax), size: maxSize, fd, file };
      if (size < maxSize)
        ftruncateSync(fd, maxSize); // one hole
      else allocateFile(fd, 0, size);
      const share = { ...place, ...(canSync(place) && { sync: true }) };
      if (size === maxSize) map(share, 0, size);
      return mapped(share);
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  },

  createOnDevice: (path, part) => ({ ...mapped(mapDevice(path, part)), zeroed: false }),

  attach: (share) => mapped(requireFile('overlay', share)),
};

/** The memory of a pool whose file is under its buffer, as far as it has storage. */
export function mapped(share: FileShare): PoolMemory {
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
 * Puts a range of the file under the same range of the pool.
 *
 * The advice is against folios of more than a page, which kernels make when they read around a page that is touched. To
 * write to one of them takes storage for all of it, holes in the file included: space that was given back would be taken
 * again, and on a full disk the kernel ends the process (SIGBUS). It must come before the first touch.
 */
export function map(
  { buffer, byteOffset: start, fd, sync }: FileShare,
  byteOffset: number,
  byteLength: number,
  mode: 'shared' | 'private' = 'shared',
): void {
  const how = mode === 'shared' && sync === true ? 'sync' : mode;
  overlayFile(buffer!, start + byteOffset, byteLength, fd, byteOffset, how);
  try {
    advise(buffer!, start + byteOffset, byteLength, 'random');
  } catch (error) {
    dropMapping(buffer!, start + byteOffset, byteLength);
    throw error;
  }
}

/** Pages of the buffer have storage at the same place of the file, and are mapped there, or have neither. */
function fileSource(share: FileShare): PageSource {
  const { buffer, byteOffset: start, fd } = share;
  return {
    back: (byteOffset, byteLength) => {
      failingAs('the pool cannot have more storage', () => {
        requirePoolFile(share);
        allocateFile(fd, byteOffset, byteLength);
        try {
          map(share, byteOffset, byteLength);
        } catch (error) {
          try {
            punchHole(fd, byteOffset, byteLength);
          } catch {
            // a file system without holes: the pages keep the storage, which nobody sees
          }
          throw error;
        }
      });
    },
    drop: (byteOffset, byteLength) => {
      if (!mayMap(HOLE)) return false;
      try {
        if (poolFile(share)?.isCharDevice !== false) return false;
      } catch {
        return false; // the file system has gone
      }
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
        // a file system without holes
        failingAs('pages that the file system takes no storage from cannot be had back', () => {
          map(share, byteOffset, byteLength);
        });
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
  const mappable = info.size - (info.size % info.alignment);
  // a pool may have a part of a device
  if (info.id === file && (info.isCharDevice ? size <= mappable : size === mappable)) return;
  throw new VmemError(
    'EINVAL',
    `handle: descriptor ${fd} is that of file ${info.id} of ${info.size} bytes, not of the pool's file ${file} of ${size}`,
  );
}

/** Whether the file system grants MAP_SYNC for the file; only those with DAX do. Nothing stays mapped. */
function canSync({ buffer, byteOffset, fd }: FileShare): boolean {
  try {
    overlayFile(buffer!, byteOffset, PAGE_SIZE, fd, 0, 'sync');
  } catch {
    return false;
  }
  dropMapping(buffer!, byteOffset, PAGE_SIZE);
  return true;
}

/** On DAX the kernel can map huge pages if file and addresses are at the same place of one. */
const HUGE_PAGE = 2 ** 21;

/** A buffer of that size, for files to be put under it. */
export function reserveFor(size: number, isDax: boolean): Required<Pick<FileShare, 'buffer' | 'byteOffset'>> {
  if (isDax) {
    try {
      const buffer = reserve(size, HUGE_PAGE);
      return { buffer, byteOffset: alignedOffset(buffer, HUGE_PAGE) };
    } catch {
      // no room for what is lost by that
    }
  }
  try {
    return { buffer: reserve(size), byteOffset: 0 };
  } catch (error) {
    throw runtimeLimit(size, error);
  }
}
