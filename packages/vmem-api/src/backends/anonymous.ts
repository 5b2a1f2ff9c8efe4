// Plain shared memory: needs nothing, has no file. The runtime frees it when the last thread has dropped it.

import { VmemError } from '@vmem-ts/allocator';
import { runtimeLimit } from '../pool/limits';
import type { Backend, BackendName, MemoryShare, PoolMemory } from './backend';

const LEFT_TO_THE_RUNTIME = { zeroed: true, vanishes: false, release: (): void => undefined };

export const anonymous: Backend = {
  unavailable: () => undefined,

  create(_dir, size) {
    let buffer: SharedArrayBuffer;
    try {
      // a growable buffer begins at a page, and its pages take no memory until they are touched
      buffer = new SharedArrayBuffer(size, { maxByteLength: size });
    } catch (error) {
      throw runtimeLimit(size, error);
    }
    return sharedMemory('anonymous', { buffer, byteOffset: 0, size, fd: -1 }, LEFT_TO_THE_RUNTIME);
  },

  attach: (share) => sharedMemory('anonymous', share, LEFT_TO_THE_RUNTIME),
};

/** The memory of a SharedArrayBuffer that came from another thread or from a caller. */
export function sharedMemory(
  backend: BackendName,
  share: MemoryShare,
  life: Pick<PoolMemory, 'zeroed' | 'vanishes' | 'release'>,
): PoolMemory {
  const { buffer, byteOffset, size, fd } = share;
  if (!(buffer instanceof SharedArrayBuffer)) {
    throw new VmemError('EINVAL', `handle: a pool of backend ${backend} needs its SharedArrayBuffer`);
  }
  return { backend, buffer, byteOffset, size, fd, ...life };
}
