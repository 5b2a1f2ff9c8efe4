// Whether the descriptor of a pool still is that of its file. Numbers of descriptors are used again: after somebody has closed
// it who should not have, whatever is done by the number is done to another file of the program.

import { VmemError } from '@vmem-ts/allocator';
import { fileInfo } from '../native';
import type { PoolMemory } from './backend';

/** What is known of the pool's file; undefined if its descriptor is closed or is another file's. */
export function poolFile({
  fd,
  file,
}: Pick<PoolMemory, 'fd' | 'file'>): ReturnType<typeof fileInfo> | undefined {
  try {
    const info = fileInfo(fd);
    return info.id === file ? info : undefined;
  } catch {
    return undefined; // closed, or of a kind that no pool is in
  }
}

/** @throws VmemError EBADF if the descriptor of the pool is not that of its file any more */
export function requirePoolFile(memory: Pick<PoolMemory, 'fd' | 'file'>): void {
  if (poolFile(memory) === undefined) throw lostFile(memory);
}

export function lostFile({ fd }: Pick<PoolMemory, 'fd'>): VmemError {
  return new VmemError(
    'EBADF',
    `somebody else has closed descriptor ${fd}, that of the pool's file: the pool can go on being used, but not grow, give storage back, be forked or thawed`,
  );
}
