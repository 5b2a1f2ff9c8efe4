// Copies of strings. vmem_malloc(3)

import { VmemError, describe } from '@vmem-ts/allocator';
import { LogLevel } from '../c/log';
import { failedIn, log, traceCall, traceResult } from './log';
import type { VMEM } from './pools';

const CALLS = log.level >= LogLevel.calls;
const RESULTS = log.level >= LogLevel.everything;

/** Bytes of a `wchar_t` on Linux. */
const WIDE = 4;

/**
 * A copy of a string in a new block, ended by a NUL. vmem_strdup(3)
 * @param s a JavaScript string, which is copied in UTF-8 up to its first NUL, if it has one; or a pointer into a block of
 *   this pool, where a NUL must follow
 * @returns its pointer; 0 with errno ENOMEM when memory is out, EFAULT for a pointer into no block of the pool, EINVAL if no
 *   NUL follows in the block, or `s` is neither; EBADF and EINVAL as for `vmem_malloc`
 */
export function vmem_strdup(vmp: VMEM | null, s: string | number): number {
  if (CALLS) traceCall(LogLevel.calls, 'vmem_strdup', vmp, s);
  let ptr: number;
  try {
    ptr = typeof s === 'number' ? duplicate(vmp!, s, 1) : requireMemory(vmp!.strdup(untilNul(s)));
  } catch (error) {
    return failedIn('vmem_strdup', vmp, error, 0);
  }
  return RESULTS ? traceResult('vmem_strdup', ptr) : ptr;
}

/**
 * A copy of a wide string in a new block, ended by a zero: a `wchar_t` of 32 bits for each code point, as on Linux.
 * vmem_wcsdup(3)
 * @param s as for `vmem_strdup`
 * @returns as `vmem_strdup`
 */
export function vmem_wcsdup(vmp: VMEM | null, s: string | number): number {
  if (CALLS) traceCall(LogLevel.calls, 'vmem_wcsdup', vmp, s);
  let ptr: number;
  try {
    ptr = typeof s === 'number' ? duplicate(vmp!, s, WIDE) : requireMemory(vmp!.wcsdup(untilNul(s)));
  } catch (error) {
    return failedIn('vmem_wcsdup', vmp, error, 0);
  }
  return RESULTS ? traceResult('vmem_wcsdup', ptr) : ptr;
}

/** What C sees of a text. Anything else is left as it is, for the pool to refuse. */
function untilNul(text: string): string {
  const end = typeof text === 'string' ? text.indexOf('\0') : -1;
  return end < 0 ? text : text.slice(0, end);
}

/** A copy of the string of characters of `width` bytes at `source`. */
function duplicate(vmp: VMEM, source: number, width: 1 | typeof WIDE): number {
  const block = vmp.blockAt(source);
  if (block === undefined)
    throw new VmemError('EBADPTR', `s: pointer ${describe(source)} is in no live block of this pool`);
  const { buffer, byteOffset } = vmp;
  const rest = new Uint8Array(buffer, byteOffset + source, block.ptr + block.size - source);
  const end = width === 1 ? rest.indexOf(0) : endOfWide(rest);
  if (end < 0) throw new VmemError('EINVAL', `s: no NUL follows pointer ${source} in its block`);
  const bytes = rest.subarray(0, end + width);
  const ptr = requireMemory(vmp.malloc(bytes.length));
  new Uint8Array(buffer, byteOffset + ptr, bytes.length).set(bytes);
  return ptr;
}

/** Index of the first wide character of zero, or -1. */
function endOfWide({ buffer, byteOffset, byteLength }: Uint8Array): number {
  const words = new DataView(buffer, byteOffset, byteLength);
  for (let at = 0; at + WIDE <= byteLength; at += WIDE) if (words.getUint32(at) === 0) return at;
  return -1;
}

function requireMemory(ptr: number): number {
  if (ptr !== 0) return ptr;
  throw new VmemError('ENOMEM', 'no memory for a copy of the string in the pool');
}
