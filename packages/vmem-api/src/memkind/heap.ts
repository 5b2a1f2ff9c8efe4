// Blocks. memkind(3), HEAP MANAGEMENT
//
// A request for no bytes gets NULL and no error, unless `memkind_set_allow_zero_allocs` says otherwise. A call that takes
// NULL for a kind finds it from the pointer.

import { constants } from 'node:os';
import { VmemError, type TypedArrayConstructor } from '@vmem-ts/allocator';
import { errnoOf } from '../c/errno';
import { SIZE_MAX, sizeOf } from '../c/size';
import { note, noteOutOfMemory } from './failures';
import { kindFor, requireKind, type memkind_t } from './handles';
import { allowsZeroAllocs } from './kind-id';
import { requireOut, setOut, type Out } from '../c/out';
import type { PmemKind } from './pmem-kind';

/** Bytes of a pointer in C. */
const POINTER_SIZE = 8;

/** Pointer to a new block, contents undefined. NULL and ENOMEM when memory is out. memkind_malloc(3) */
export function memkind_malloc(kind: memkind_t | null, size: number): number {
  try {
    return mallocIn(requireKind(kind), sizeOf(size));
  } catch (error) {
    note(error);
    return 0;
  }
}

function mallocIn(kind: PmemKind, size: number): number {
  if (size === 0 && !allowsZeroAllocs(kind.id)) return 0;
  const ptr = kind.malloc(size);
  if (ptr === 0) noteOutOfMemory(size);
  return ptr;
}

/** Pointer to a new block of `num * size` zero bytes. memkind_calloc(3) */
export function memkind_calloc(kind: memkind_t | null, num: number, size: number): number {
  try {
    const found = requireKind(kind);
    if ((num === 0 || size === 0) && !allowsZeroAllocs(found.id)) return 0;
    const ptr = found.calloc(sizeOf(num), sizeOf(size));
    if (ptr === 0) noteOutOfMemory(num * size);
    return ptr;
  } catch (error) {
    note(error);
    return 0;
  }
}

/**
 * Writes a pointer to a new block at a multiple of `alignment` to `memptr`, or NULL. Returns 0; EINVAL if `alignment` is no
 * power of two from 8 on; ENOMEM. errno is left as it is. memkind_posix_memalign(3)
 */
export function memkind_posix_memalign(
  kind: memkind_t | null,
  memptr: Out<number>,
  alignment: number,
  size: number,
): number {
  try {
    requireOut(memptr, 'memptr');
    setOut(memptr, 0, 'memptr');
    const found = requireKind(kind);
    const bytes = sizeOf(size);
    const { EINVAL, ENOMEM } = constants.errno;
    const isInRange = typeof alignment === 'number' && alignment >= POINTER_SIZE && alignment < SIZE_MAX;
    if (!isInRange || 2 ** Math.round(Math.log2(alignment)) !== alignment) return EINVAL;
    if (bytes === 0 && !allowsZeroAllocs(found.id)) return 0;
    const ptr = alignment <= found.size ? found.alignedAlloc(alignment, bytes) : 0;
    if (ptr === 0) return ENOMEM;
    setOut(memptr, ptr, 'memptr', () => {
      found.free(ptr);
    });
    return 0;
  } catch (error) {
    if (error instanceof VmemError) return errnoOf(error);
    throw error;
  }
}

/**
 * Changes the size of a block; contents are kept up to the smaller size. Of NULL it is `memkind_malloc`, to no bytes
 * `memkind_free`, and NULL is returned. NULL and EINVAL if both `kind` and `ptr` are NULL; NULL and ENOMEM when memory is
 * out, and the old block stays. memkind_realloc(3)
 */
export function memkind_realloc(kind: memkind_t | null, ptr: number, size: number): number {
  try {
    if (kind === null && ptr === 0) throw new VmemError('EINVAL', 'realloc: neither a kind nor a pointer');
    const found = kindFor(kind, ptr);
    const bytes = sizeOf(size);
    if (ptr === 0) return mallocIn(found, bytes);
    const moved = found.realloc(ptr, bytes);
    if (moved === 0 && bytes !== 0) noteOutOfMemory(bytes);
    return moved;
  } catch (error) {
    note(error);
    return 0;
  }
}

/** Gives a block back; NULL is left alone. What is no block is EFAULT in errno. memkind_free(3) */
export function memkind_free(kind: memkind_t | null, ptr: number): void {
  if (ptr === 0) return;
  try {
    kindFor(kind, ptr).free(ptr);
  } catch (error) {
    note(error);
  }
}

/** Bytes that the block has room for; 0 for NULL, and with EFAULT for what is no block. memkind_malloc_usable_size(3) */
export function memkind_malloc_usable_size(kind: memkind_t | null, ptr: number): number {
  if (ptr === 0) return 0;
  try {
    return kindFor(kind, ptr).usableSize(ptr);
  } catch (error) {
    note(error);
    return 0;
  }
}

/**
 * Moves a block if that lowers fragmentation, and returns its new pointer; NULL if it stays where it is.
 * See `PmemKind.defragReallocate`. memkind_defrag_reallocate(3)
 */
export function memkind_defrag_reallocate(kind: memkind_t | null, ptr: number): number {
  if (ptr === 0) return 0;
  try {
    return kindFor(kind, ptr).defragReallocate(ptr);
  } catch (error) {
    note(error);
    return 0;
  }
}

/**
 * A view of `length` elements on the block at `ptr`, whichever kind it is of; null and errno if it is none, or too short.
 * Not in C, which has pointers for it.
 */
export function memkind_view<T extends ArrayBufferView>(
  Type: TypedArrayConstructor<T>,
  ptr: number,
  length: number,
): T | null {
  try {
    return kindFor(null, ptr).view(Type, ptr, length);
  } catch (error) {
    note(error);
    return null;
  }
}
