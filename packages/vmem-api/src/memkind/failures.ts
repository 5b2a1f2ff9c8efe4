// How these functions fail: with errno, a message and a result; never with a VmemError.

import { VmemError } from '@vmem-ts/allocator';
import { remember } from '../c/errno';
import {
  MEMKIND_ERROR_INVALID,
  MEMKIND_ERROR_MMAP,
  MEMKIND_ERROR_RUNTIME,
  MEMKIND_ERROR_TOOMANY,
  MEMKIND_SUCCESS,
} from './codes';

/** memkind(3), MEMKIND_DEBUG */
const IS_TALKING = process.env['MEMKIND_DEBUG'] === '1';

/** Remembers an error; what the caller's own code has thrown is thrown on. */
export function note(error: unknown): asserts error is VmemError {
  remember(error);
  if (IS_TALKING) process.stderr.write(`MEMKIND_ERROR: ${(error as VmemError).message}\n`);
}

export function noteOutOfMemory(size: number): void {
  note(new VmemError('ENOMEM', `there is no memory for ${size} bytes`));
}

/** What is wrong with memory: all else is wrong with the arguments, or unknown. */
const MEMORY: readonly string[] = ['ENOMEM', 'ENOSPC', 'EDQUOT', 'EFBIG', 'ENOTSUP'];
const UNKNOWN: readonly string[] = ['EIO', 'ECORRUPT', 'EBADF', 'ECLOSED', 'EOPNOTSUPP'];

/** The result of making or attaching to a kind that failed with `code`. memkind(3), ERRORS */
function statusOf({ code }: VmemError): number {
  if (code === 'EAGAIN') return MEMKIND_ERROR_TOOMANY;
  if (MEMORY.includes(code)) return MEMKIND_ERROR_MMAP;
  return UNKNOWN.includes(code) ? MEMKIND_ERROR_RUNTIME : MEMKIND_ERROR_INVALID;
}

/** Does it; the result says how it went. */
export function attempt(act: () => void, failed: (error: VmemError) => number = statusOf): number {
  try {
    act();
    return MEMKIND_SUCCESS;
  } catch (error) {
    note(error);
    return failed(error);
  }
}
