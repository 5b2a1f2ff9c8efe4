// The constants of memkind.h and memkind_pmem.h, and words for its error codes.

import { constants } from 'node:os';
import { types } from 'node:util';
import { describe } from '@vmem-ts/allocator';
import { sizeOf } from '../c/size';

export const MEMKIND_SUCCESS = 0;
export const MEMKIND_ERROR_UNAVAILABLE = -1;
export const MEMKIND_ERROR_MBIND = -2;
export const MEMKIND_ERROR_MMAP = -3;
export const MEMKIND_ERROR_MALLOC = -6;
export const MEMKIND_ERROR_ENVIRON = -12;
export const MEMKIND_ERROR_INVALID = -13;
export const MEMKIND_ERROR_TOOMANY = -15;
export const MEMKIND_ERROR_BADOPS = -17;
export const MEMKIND_ERROR_HUGETLB = -18;
export const MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE = -20;
export const MEMKIND_ERROR_OPERATION_FAILED = -21;
export const MEMKIND_ERROR_ARENAS_CREATE = -22;
export const MEMKIND_ERROR_RUNTIME = -255;

/** Kinds that a C program can count on; here there can be 8,191. */
export const MEMKIND_MAX_KIND = 512;
/** Bytes that the longest error message fits in, with its NUL. */
export const MEMKIND_ERROR_MESSAGE_SIZE = 128;
/** Bytes: the least limit of a kind in a file, 16 MiB. */
export const MEMKIND_PMEM_MIN_SIZE = 16 * 1024 * 1024;
/** Bytes, 2 MiB: what a kind's limit is rounded up to. */
export const MEMKIND_PMEM_CHUNK_SIZE = 2 * 1024 * 1024;

export const MEMKIND_MEMTYPE_DEFAULT = 1 << 0;
export const MEMKIND_MEMTYPE_HIGH_BANDWIDTH = 1 << 1;

export const MEMKIND_POLICY_BIND_LOCAL = 0;
export const MEMKIND_POLICY_BIND_ALL = 1;
export const MEMKIND_POLICY_PREFERRED_LOCAL = 2;
export const MEMKIND_POLICY_INTERLEAVE_LOCAL = 3;
export const MEMKIND_POLICY_INTERLEAVE_ALL = 4;
export const MEMKIND_POLICY_MAX_VALUE = 5;

export const MEMKIND_MASK_PAGE_SIZE_2MB = 21;

export const MEMKIND_MEM_USAGE_POLICY_DEFAULT = 0;
export const MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE = 1;
export const MEMKIND_MEM_USAGE_POLICY_MAX_VALUE = 2;

export const MEMKIND_STAT_TYPE_RESIDENT = 0;
export const MEMKIND_STAT_TYPE_ACTIVE = 1;
export const MEMKIND_STAT_TYPE_ALLOCATED = 2;
export const MEMKIND_STAT_TYPE_MAX_VALUE = 3;

export const MEMKIND_STAT_PRINT_ALL = 0;
export const MEMKIND_STAT_PRINT_JSON_FORMAT = 1 << 0;
export const MEMKIND_STAT_PRINT_OMIT_GENERAL = 1 << 1;
export const MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA = 1 << 2;
export const MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA = 1 << 3;
export const MEMKIND_STAT_PRINT_OMIT_PER_ARENA = 1 << 4;
export const MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS = 1 << 5;
export const MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE = 1 << 6;
export const MEMKIND_STAT_PRINT_OMIT_MUTEX = 1 << 7;
export const MEMKIND_STAT_PRINT_OMIT_EXTENT = 1 << 8;

/** mmap(2): what `memkind_pmem_mmap` returns when it fails. */
export const MAP_FAILED = -1;
/** mmap(2): stores reach the file. */
export const MAP_SHARED = 1;

const { EINVAL, ENOMEM } = constants.errno;

const WORDS: ReadonlyMap<number, string> = new Map([
  [MEMKIND_SUCCESS, 'no error'],
  [MEMKIND_ERROR_UNAVAILABLE, 'this kind of memory is not to be had here'],
  [MEMKIND_ERROR_MBIND, 'mbind(2) failed'],
  [MEMKIND_ERROR_MMAP, 'the memory could not be mapped'],
  [MEMKIND_ERROR_MALLOC, 'memory for data of the library is out'],
  [MEMKIND_ERROR_ENVIRON, 'an environment variable can not be read'],
  [MEMKIND_ERROR_INVALID, 'an argument is invalid'],
  [MEMKIND_ERROR_TOOMANY, 'there are too many kinds'],
  [MEMKIND_ERROR_BADOPS, 'the table of operations is not valid'],
  [MEMKIND_ERROR_HUGETLB, 'huge pages are not to be had'],
  [MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE, 'this type of memory is not to be had here'],
  [MEMKIND_ERROR_OPERATION_FAILED, 'the operation failed'],
  [MEMKIND_ERROR_ARENAS_CREATE, 'no heap could be made'],
  [MEMKIND_ERROR_RUNTIME, 'something else went wrong'],
  [EINVAL, 'the alignment is invalid (EINVAL)'],
  [ENOMEM, 'memory is out (ENOMEM)'],
]);

/**
 * Words for a result of one of these functions. Where `msg` is given they are written there, too, in UTF-8 and ended by a
 * NUL, cut to `size` bytes. memkind_error_message(3)
 *
 * @param size default: all of `msg`; MEMKIND_ERROR_MESSAGE_SIZE is always enough
 */
export function memkind_error_message(err: number, msg?: Uint8Array | null, size?: number): string {
  const known = WORDS.get(err);
  const text = `<memkind> ${known ?? `Undefined error number: ${describe(err)}`}`;
  if (!types.isUint8Array(msg)) return text;
  const room = typeof size === 'number' ? Math.floor(Math.min(msg.length, sizeOf(size))) : msg.length;
  if (room > 0) {
    const bytes = new TextEncoder().encode(text).subarray(0, room - 1);
    msg.set(bytes);
    msg[bytes.length] = 0;
  }
  return text;
}

/** 1.14.0: the library whose functions these are. memkind_get_version(3) */
export function memkind_get_version(): number {
  return 1_014_000;
}
