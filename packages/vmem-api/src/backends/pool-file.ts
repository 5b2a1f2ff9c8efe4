// Whether the descriptor of a pool still is that of its file. Numbers of descriptors are used again: after somebody has closed
// it who should not have, whatever is done by the number is done to another file of the program.

import { VmemError } from '@vmem-ts/allocator';
import { fileInfo } from '../native';
import { asVmemError } from '../pool/failures';
import type { PoolMemory } from './backend';

type FileInfo = ReturnType<typeof fileInfo>;

/** What a descriptor is refused with that is closed, or of a kind that no pool is in. */
const NO_POOL = ['EBADF', 'EISDIR', 'ESPIPE', 'ENODEV'];

/**
 * The file of a descriptor; undefined if no pool can be in it.
 * @throws VmemError EIO, ESTALE and what else the file system may answer with
 */
export function fileOf(fd: number): FileInfo | undefined {
  try {
    return fileInfo(fd);
  } catch (error) {
    if (NO_POOL.includes((error as { code: string }).code)) return undefined;
    throw asVmemError(error, "the file system does not tell of the pool's file");
  }
}

/**
 * What is known of the pool's file; undefined if its descriptor is closed or is another file's.
 * @throws VmemError as `fileOf`
 */
export function poolFile({ fd, file }: Pick<PoolMemory, 'fd' | 'file'>): FileInfo | undefined {
  const info = fileOf(fd);
  return info?.id === file ? info : undefined;
}

/** @throws VmemError EBADF if the descriptor of the pool is not that of its file any more; as `fileOf` */
export function requirePoolFile(memory: Pick<PoolMemory, 'fd' | 'file'>): void {
  if (poolFile(memory) === undefined) throw lostFile(memory);
}

export function lostFile({ fd }: Pick<PoolMemory, 'fd'>): VmemError {
  return new VmemError(
    'EBADF',
    `somebody else has closed descriptor ${fd}, that of the pool's file: the pool can go on being used, but not grow, give storage back, be forked or thawed`,
  );
}
