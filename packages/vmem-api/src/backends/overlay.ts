// The default: an unnamed file whose space is really allocated, mapped under a growable SharedArrayBuffer.
// Deleting puts empty memory in the mapping's place, so the file's space is free at once and no view anywhere
// ever hits a hole.

import {
  allocateFile,
  closeFile,
  dropMapping,
  loadError,
  openUnnamedFile,
  overlayFile,
  reserve,
} from '../native';
import { runtimeLimit } from '../pool/limits';
import { sharedMemory } from './anonymous';
import type { Backend, MemoryShare, PoolMemory } from './backend';

export const overlay: Backend = {
  unavailable: () => loadError()?.message,

  create(dir, size) {
    const fd = openUnnamedFile(dir);
    try {
      allocateFile(fd, 0, size);
      const buffer = reserveFor(size);
      overlayFile(buffer, 0, size, fd, 0, 'shared');
      return mapped({ buffer, byteOffset: 0, size, fd });
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  },

  attach: mapped,
};

function mapped(share: MemoryShare): PoolMemory {
  return sharedMemory('overlay', share, {
    zeroed: true,
    vanishes: true,
    release: () => {
      dropMapping(share.buffer!, share.byteOffset, share.size);
      closeFile(share.fd);
    },
  });
}

function reserveFor(size: number): SharedArrayBuffer {
  try {
    return reserve(size);
  } catch (error) {
    throw runtimeLimit(size, error);
  }
}
