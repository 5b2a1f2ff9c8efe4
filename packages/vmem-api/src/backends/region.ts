// The caller's own memory.

import { VmemError, describe } from '@vmem-ts/allocator';
import { cancelThreadDeaths, loadError } from '../native';
import { memoryOf } from '../pool/buffers';
import { PAGE_SIZE, VMEM_MIN_POOL } from '../pool/limits';
import type { MemoryShare, PoolMemory, PoolMemoryLife } from './backend';
import { fileless } from './share';

/**
 * The memory of a buffer or a view.
 * @throws VmemError EINVAL
 */
export function regionMemory(region: unknown): PoolMemory {
  const memory = memoryOf(region);
  if (memory === undefined) {
    throw new VmemError(
      'EINVAL',
      `region: expected a SharedArrayBuffer, an ArrayBuffer or a view, got ${describe(region)}`,
    );
  }
  const { buffer, byteOffset, byteLength: size } = memory;
  if (byteOffset % PAGE_SIZE !== 0) {
    throw new VmemError(
      'EINVAL',
      `region: expected an offset that is a multiple of ${PAGE_SIZE}, got ${byteOffset}`,
    );
  }
  if (size < VMEM_MIN_POOL) {
    throw new VmemError('EINVAL', `region: expected at least ${VMEM_MIN_POOL} bytes (14 MiB), got ${size}`);
  }
  const place = { buffer, byteOffset, size };
  return { backend: 'region', ...place, fd: -1, ...lifeOf(place) };
}

export const attachRegion = (share: MemoryShare): PoolMemory => fileless('region', share, lifeOf(share));

function lifeOf({
  buffer,
  byteOffset,
  size,
}: Partial<Pick<PoolMemory, 'buffer'>> & MemoryPlace): PoolMemoryLife {
  return {
    zeroed: false,
    vanishes: false,
    release() {
      // a thread that was attached must not write its last word into what is the caller's again
      if (loadError() === null) cancelThreadDeaths(buffer!, byteOffset, size);
    },
    leave: () => undefined,
  };
}

type MemoryPlace = Pick<MemoryShare, 'byteOffset' | 'size'>;
