// Blocks of the process's pool. libvmmalloc(7)
//
// Pointers are byte offsets from the pool's start, the same in all threads: block `ptr` begins at `pool().byteOffset + ptr`
// of `pool().buffer`. NULL is 0. Sizes are in bytes, as C's size_t: a negative one, or one of more than memory has, is no
// error of its own but finds no memory.
//
// Where the process's pool can't be made, the first of these calls ends the process; see process-pool.ts. In a thread that
// can't attach to it they fail with EAGAIN or ENOMEM.

import { VmemError, describe } from '@vmem-ts/allocator';
import { errnoOf } from '../c/errno';
import { requireOut, setOut, type Out } from '../c/out';
import { alignmentOf, sizeOf } from '../c/size';
import { PAGE_SIZE } from '../pool/limits';
import { LOGS_ALLOCATIONS, logAllocation, logBlock, logFree, pointer, log } from './log';
import { processPool } from './process-pool';

/**
 * A new block of at least `size` bytes, contents undefined, at a multiple of 8. Of 0 bytes it is a block, too. malloc(3)
 * @returns its pointer; 0 with errno ENOMEM when memory is out, EINVAL if `size` is no whole number
 */
export function malloc(size: number): number {
  if (LOGS_ALLOCATIONS) logAllocation(size);
  let ptr: number;
  try {
    ptr = processPool().malloc(size);
  } catch (error) {
    return mallocFailed(size, error);
  }
  return ptr === 0 ? mallocOut(size) : ptr;
}

/**
 * Gives the block at `ptr` back, in whichever thread it was had; NULL does nothing. free(3)
 *
 * Where C leaves it undefined nothing happens to the pool, and errno is EFAULT: `ptr` is no pointer to a block, or its block
 * is not live any more.
 */
export function free(ptr: number): void {
  if (LOGS_ALLOCATIONS) logFree(ptr);
  try {
    processPool().free(ptr);
  } catch (error) {
    freeFailed('free', error);
  }
}

// What malloc and free seldom do is in functions of this file: V8 puts the two, and the heap's malloc and free with them,
// into their callers while all of it is short, and a call of an imported function is long.

function mallocOut(size: number): 0 {
  return log.outOfMemory('malloc', size);
}

function mallocFailed(size: number, error: unknown): number {
  const bytes = sizeOf(size); // only now: it is seldom that C takes a size for another one
  return Object.is(bytes, size) ? log.failed('malloc', error, 0) : malloc(bytes);
}

function freeFailed(name: string, error: unknown): void {
  log.failed(name, error, undefined);
}

/** The same as `free`. cfree(3) */
export function cfree(ptr: number): void {
  if (LOGS_ALLOCATIONS) logBlock('cfree', `ptr ${pointer(ptr)}`);
  try {
    processPool().free(ptr);
  } catch (error) {
    freeFailed('cfree', error);
  }
}

/**
 * A new block of `nmemb * size` bytes, all zero, also where another block was before. calloc(3)
 * @returns its pointer; 0 with errno ENOMEM when memory is out, also where C's product would overflow; EINVAL as for `malloc`
 */
export function calloc(nmemb: number, size: number): number {
  if (LOGS_ALLOCATIONS) logBlock('calloc', `nmemb ${describe(nmemb)}, size ${describe(size)}`);
  let ptr: number;
  try {
    ptr = processPool().calloc(sizeOf(nmemb), sizeOf(size));
  } catch (error) {
    return log.failed('calloc', error, 0);
  }
  return ptr === 0 ? log.outOfMemory('calloc', sizeOf(nmemb) * sizeOf(size)) : ptr;
}

/**
 * Gives the block at `ptr` another size; contents are kept up to the smaller one. It stays in its place where it can.
 * `realloc(0, n)` is `malloc(n)`; `realloc(ptr, 0)` is `free(ptr)` and returns 0. realloc(3)
 * @returns the block's pointer from now on; 0 with errno ENOMEM when memory is out: the block stays as it was. EFAULT as for
 *   `free`; EINVAL as for `malloc`
 */
export function realloc(ptr: number, size: number): number {
  if (LOGS_ALLOCATIONS) logBlock('realloc', `ptr ${pointer(ptr)}, size ${describe(size)}`);
  let moved: number;
  try {
    moved = processPool().realloc(ptr, sizeOf(size));
  } catch (error) {
    return log.failed('realloc', error, 0);
  }
  return moved === 0 && (size !== 0 || ptr === 0) ? log.outOfMemory('realloc', size) : moved;
}

/**
 * Writes a pointer to a new block at a multiple of `alignment` to `memptr`, or NULL. posix_memalign(3)
 * @param memptr C's `void **`: an object whose `value` is set
 * @param alignment bytes, a power of two, also one below the size of a pointer
 * @returns 0; EINVAL for another alignment; ENOMEM when memory is out. errno is left as it is
 */
export function posix_memalign(memptr: Out<number>, alignment: number, size: number): number {
  if (LOGS_ALLOCATIONS)
    logBlock('posix_memalign', `alignment ${describe(alignment)}  size ${describe(size)}`);
  try {
    requireOut(memptr, 'memptr');
    setOut(memptr, 0, 'memptr');
    const pool = processPool();
    const ptr = pool.alignedAlloc(alignmentOf(alignment), sizeOf(size));
    if (ptr === 0) throw new VmemError('ENOMEM', 'memory is out');
    setOut(memptr, ptr, 'memptr', () => {
      pool.free(ptr);
    });
    return 0;
  } catch (error) {
    if (error instanceof VmemError) return errnoOf(error);
    throw error;
  }
}

/**
 * A new block of at least `size` bytes at a multiple of `alignment`, contents undefined. What is aligned is the pointer,
 * the offset from the pool's start; the start itself is at a page. `size` need be no multiple of `alignment`.
 * aligned_alloc(3)
 * @param alignment bytes, a power of two
 * @returns its pointer; 0 with errno EINVAL for another alignment, ENOMEM when memory is out; EINVAL as for `malloc`
 */
export function aligned_alloc(alignment: number, size: number): number {
  if (LOGS_ALLOCATIONS) logBlock('aligned_alloc', `alignment ${describe(alignment)}  size ${describe(size)}`);
  return alignedBlock('aligned_alloc', alignment, size);
}

/** The same as `aligned_alloc`. memalign(3) */
export function memalign(boundary: number, size: number): number {
  if (LOGS_ALLOCATIONS) logBlock('memalign', `boundary ${describe(boundary)}  size ${describe(size)}`);
  return alignedBlock('memalign', boundary, size);
}

/** A new block of at least `size` bytes that begins at a page. valloc(3) */
export function valloc(size: number): number {
  if (LOGS_ALLOCATIONS) logBlock('valloc', `size ${describe(size)}`);
  return alignedBlock('valloc', PAGE_SIZE, size);
}

/** A new block of whole pages that begins at a page. pvalloc(3) */
export function pvalloc(size: number): number {
  if (LOGS_ALLOCATIONS) logBlock('pvalloc', `size ${describe(size)}`);
  const bytes = sizeOf(size);
  return alignedBlock('pvalloc', PAGE_SIZE, typeof bytes === 'number' ? inPages(bytes) : bytes);
}

/**
 * Bytes that the block at `ptr` has room for, all of which may be used; 0 for NULL. malloc_usable_size(3)
 * @returns 0 with errno EFAULT as for `free`
 */
export function malloc_usable_size(ptr: number): number {
  if (LOGS_ALLOCATIONS) logBlock('malloc_usable_size', `ptr ${pointer(ptr)}`);
  try {
    return processPool().usableSize(ptr);
  } catch (error) {
    return log.failed('malloc_usable_size', error, 0);
  }
}

function alignedBlock(name: string, alignment: number, size: number): number {
  let ptr: number;
  try {
    ptr = processPool().alignedAlloc(alignmentOf(alignment), sizeOf(size));
  } catch (error) {
    return log.failed(name, error, 0);
  }
  return ptr === 0 ? log.outOfMemory(name, size) : ptr;
}

/** Of what is no whole number nothing is made, for the heap to refuse. */
function inPages(bytes: number): number {
  return Number.isInteger(bytes) ? Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE : bytes;
}
