// What kinds in files are made of in C. memkind_pmem(3)

import { tmpdir } from 'node:os';
import { VmemError, describe, readingFrom } from '@vmem-ts/allocator';
import { sizeOf } from '../c/size';
import { PAGE_SIZE } from '../pool/limits';
import { MAP_FAILED, MAP_SHARED, MEMKIND_ERROR_BADOPS, MEMKIND_ERROR_INVALID } from './codes';
import { attempt, note, noteOutOfMemory } from './failures';
import { requireKind, type memkind_t } from './handles';
import { memkind_create_pmem, memkind_destroy_kind } from './management';
import { requireOut, setOut, type Out } from '../c/out';

/** The operations of kinds in files: there are no others to be made. */
export const MEMKIND_PMEM_OPS = Object.freeze({ name: 'pmem' });

/** A kind that is to be made, with what its private data in C say of its file. */
export interface PmemKindPlace extends Out<memkind_t | null> {
  /** Directory of the file; default: that of temporary files. */
  readonly dir?: string;
  /** Bytes; default 0, no limit. */
  readonly max_size?: number;
}

/**
 * Makes a kind in a file, as `memkind_create_pmem` does. MEMKIND_ERROR_BADOPS unless `ops` is MEMKIND_PMEM_OPS; `name` is not
 * used. memkind_pmem_create, memkind_pmem(3)
 */
export function memkind_pmem_create(kind: PmemKindPlace, ops: typeof MEMKIND_PMEM_OPS, name: string): number {
  let dir: string | undefined;
  let maxSize: number | undefined;
  const failed = attempt(
    () => {
      requireOut(kind, 'kind');
      if (ops !== MEMKIND_PMEM_OPS) throw new VmemError('EINVAL', 'ops: expected MEMKIND_PMEM_OPS');
      if (typeof name !== 'string')
        throw new VmemError('EINVAL', `name: expected a string, got ${describe(name)}`);
      readingFrom('kind', () => ({ dir, max_size: maxSize } = kind));
    },
    () => (ops === MEMKIND_PMEM_OPS ? MEMKIND_ERROR_INVALID : MEMKIND_ERROR_BADOPS),
  );
  return failed === 0 ? memkind_create_pmem(dir ?? tmpdir(), maxSize ?? 0, kind) : failed;
}

/** Ends the kind, and its file's space is free. memkind_pmem_destroy, memkind_pmem(3) */
export const memkind_pmem_destroy = memkind_destroy_kind;

/**
 * Pointer to `size` bytes, in whole pages, of the kind's file, all zeros; MAP_FAILED and errno on failure. The hint `addr`
 * is ignored. It is a block like others: `memkind_free` takes it. memkind_pmem_mmap, memkind_pmem(3)
 */
export function memkind_pmem_mmap(kind: memkind_t | null, _addr: number, size: number): number {
  try {
    const bytes = sizeOf(size);
    if (!Number.isInteger(bytes) || bytes === 0)
      throw new VmemError(
        'EINVAL',
        `size: expected a whole number of bytes, at least one, got ${describe(size)}`,
      );
    const ptr = requireKind(kind).calloc(Math.ceil(bytes / PAGE_SIZE), PAGE_SIZE);
    if (ptr !== 0) return ptr;
    noteOutOfMemory(bytes);
  } catch (error) {
    note(error);
  }
  return MAP_FAILED;
}

/** Writes MAP_SHARED to `flags`. memkind_pmem_get_mmap_flags, memkind_pmem(3) */
export function memkind_pmem_get_mmap_flags(kind: memkind_t | null, flags: Out<number>): number {
  return attempt(
    () => {
      requireOut(flags, 'flags');
      requireKind(kind);
      setOut(flags, MAP_SHARED, 'flags');
    },
    () => MEMKIND_ERROR_INVALID,
  );
}
