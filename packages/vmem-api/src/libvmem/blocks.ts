// Blocks of a pool. vmem_malloc(3)
//
// Pointers are byte offsets from the pool's start, the same in all threads: block `ptr` of `vmp` begins at
// `vmp.byteOffset + ptr` of `vmp.buffer`. NULL is 0. Sizes are in bytes, as C's size_t: a negative one, or one of more than
// memory has, is no error of its own but finds no memory.

import { LogLevel } from '../c/log';
import { alignmentOf, sizeOf } from '../c/size';
import { failedIn, log, traceCall, traceResult } from './log';
import type { VMEM } from './pools';

const CALLS = log.level >= LogLevel.calls;
const RESULTS = log.level >= LogLevel.everything;

/**
 * A new block of at least `size` bytes, contents undefined, at a multiple of 8. Of 0 bytes it is a block, too.
 * vmem_malloc(3)
 * @returns its pointer; 0 with errno ENOMEM when memory is out, EBADF after `vmem_delete` or `vmem_detach`, EINVAL if `vmp`
 *   is no pool or `size` no whole number
 */
export function vmem_malloc(vmp: VMEM | null, size: number): number {
  if (CALLS) traceMalloc(vmp, size);
  let ptr: number;
  try {
    ptr = vmp!.malloc(size);
  } catch (error) {
    return mallocFailed(vmp, size, error);
  }
  return ptr === 0 || RESULTS ? mallocReturns(ptr, size) : ptr;
}

/**
 * Gives the block at `ptr` back, in whichever thread it was had; NULL does nothing. vmem_free(3)
 *
 * Where C leaves it undefined nothing happens to the pool, and errno is EFAULT: `ptr` is no pointer to a block of this pool,
 * or its block is not live any more. EBADF and EINVAL as for `vmem_malloc`.
 */
export function vmem_free(vmp: VMEM | null, ptr: number): void {
  if (CALLS) traceFree(vmp, ptr);
  try {
    vmp!.free(ptr);
  } catch (error) {
    freeFailed(vmp, error);
  }
}

// What vmem_malloc and vmem_free seldom do is in functions of this file: V8 puts the two, and the heap's malloc and free
// with them, into their callers while all of it is short, and a call of an imported function is long.

function traceMalloc(vmp: VMEM | null, size: number): void {
  traceCall(LogLevel.calls, 'vmem_malloc', vmp, size);
}

function mallocReturns(ptr: number, size: number): number {
  return ptr === 0 ? log.outOfMemory('vmem_malloc', size) : traceResult('vmem_malloc', ptr);
}

function mallocFailed(vmp: VMEM | null, size: number, error: unknown): number {
  const bytes = sizeOf(size); // only now: it is seldom that C takes a size for another one
  return Object.is(bytes, size) ? failedIn('vmem_malloc', vmp, error, 0) : vmem_malloc(vmp, bytes);
}

function traceFree(vmp: VMEM | null, ptr: number): void {
  traceCall(LogLevel.calls, 'vmem_free', vmp, ptr);
}

function freeFailed(vmp: VMEM | null, error: unknown): void {
  failedIn('vmem_free', vmp, error, undefined);
}

/**
 * A new block of `nmemb * size` bytes, all zero, also where another block was before. vmem_calloc(3)
 * @returns its pointer; 0 with errno ENOMEM when memory is out, also where C's product would overflow; EBADF and EINVAL as
 *   for `vmem_malloc`
 */
export function vmem_calloc(vmp: VMEM | null, nmemb: number, size: number): number {
  if (CALLS) traceCall(LogLevel.calls, 'vmem_calloc', vmp, nmemb, size);
  let ptr: number;
  try {
    ptr = vmp!.calloc(sizeOf(nmemb), sizeOf(size));
  } catch (error) {
    return failedIn('vmem_calloc', vmp, error, 0);
  }
  if (ptr === 0) return log.outOfMemory('vmem_calloc', sizeOf(nmemb) * sizeOf(size));
  return RESULTS ? traceResult('vmem_calloc', ptr) : ptr;
}

/**
 * Gives the block at `ptr` another size; contents are kept up to the smaller one. It stays in its place where it can.
 * `vmem_realloc(vmp, 0, n)` is `vmem_malloc(vmp, n)`; `vmem_realloc(vmp, ptr, 0)` is `vmem_free(vmp, ptr)` and returns 0.
 * vmem_realloc(3)
 * @returns the block's pointer from now on; 0 with errno ENOMEM when memory is out: the block stays as it was. EFAULT as for
 *   `vmem_free`; EBADF and EINVAL as for `vmem_malloc`
 */
export function vmem_realloc(vmp: VMEM | null, ptr: number, size: number): number {
  if (CALLS) traceCall(LogLevel.calls, 'vmem_realloc', vmp, ptr, size);
  let moved: number;
  try {
    moved = vmp!.realloc(ptr, sizeOf(size));
  } catch (error) {
    return failedIn('vmem_realloc', vmp, error, 0);
  }
  if (moved === 0 && (size !== 0 || ptr === 0)) return log.outOfMemory('vmem_realloc', size);
  return RESULTS ? traceResult('vmem_realloc', moved) : moved;
}

/**
 * A new block of at least `size` bytes at a multiple of `alignment`, contents undefined. What is aligned is the pointer,
 * the offset from the pool's start; the start itself is at a page. `size` need be no multiple of `alignment`.
 * vmem_aligned_alloc(3)
 * @param alignment bytes, a power of two
 * @returns its pointer; 0 with errno EINVAL for another alignment, ENOMEM when memory is out; EBADF and EINVAL as for
 *   `vmem_malloc`
 */
export function vmem_aligned_alloc(vmp: VMEM | null, alignment: number, size: number): number {
  if (CALLS) traceCall(LogLevel.calls, 'vmem_aligned_alloc', vmp, alignment, size);
  let ptr: number;
  try {
    ptr = vmp!.alignedAlloc(alignmentOf(alignment), sizeOf(size));
  } catch (error) {
    return failedIn('vmem_aligned_alloc', vmp, error, 0);
  }
  if (ptr === 0) return log.outOfMemory('vmem_aligned_alloc', size);
  return RESULTS ? traceResult('vmem_aligned_alloc', ptr) : ptr;
}

/**
 * Bytes that the block at `ptr` has room for, all of which may be used; 0 for NULL. vmem_malloc_usable_size(3)
 * @returns 0 with errno EFAULT as for `vmem_free`; EBADF and EINVAL as for `vmem_malloc`
 */
export function vmem_malloc_usable_size(vmp: VMEM | null, ptr: number): number {
  if (CALLS) traceCall(LogLevel.calls, 'vmem_malloc_usable_size', vmp, ptr);
  let size: number;
  try {
    size = vmp!.usableSize(ptr);
  } catch (error) {
    return failedIn('vmem_malloc_usable_size', vmp, error, 0);
  }
  return RESULTS ? traceResult('vmem_malloc_usable_size', size) : size;
}
