// Plain shared memory: needs nothing, has no file. The runtime frees it when the last thread has dropped it. Pages come
// to be when they are touched, so there is nothing to do for a pool to grow; the addon, where it is, gives them back.

import type { PageSource } from '@vmem-ts/allocator';
import { advise, loadError } from '../native';
import { runtimeLimit } from '../pool/limits';
import type { Backend, MemoryShare, PoolMemory } from './backend';
import { fileless } from './share';

const nothing = (): void => undefined;
const LEFT_TO_THE_RUNTIME = { zeroed: true, vanishes: false, release: nothing, leave: nothing };

export const anonymous: Backend = {
  unavailable: () => undefined,

  create(_dir, size, maxSize = size) {
    let buffer: SharedArrayBuffer;
    try {
      // a growable buffer begins at a page, and its pages take no memory until they are touched
      buffer = new SharedArrayBuffer(maxSize, { maxByteLength: maxSize });
    } catch (error) {
      throw runtimeLimit(maxSize, error);
    }
    return anonymousMemory({ buffer, byteOffset: 0, size: maxSize, fd: -1 });
  },

  attach: anonymousMemory,
};

function anonymousMemory(share: MemoryShare): PoolMemory {
  const { buffer, byteOffset: start } = share;
  const source: PageSource = {
    back: nothing,
    drop: (byteOffset, byteLength) => {
      if (loadError() !== null) return false;
      try {
        advise(buffer!, start + byteOffset, byteLength, 'dontneed');
        return true;
      } catch {
        return false;
      }
    },
  };
  return fileless('anonymous', share, { ...LEFT_TO_THE_RUNTIME, source });
}
