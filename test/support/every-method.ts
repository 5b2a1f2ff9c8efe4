// A call of every method of a pool that uses the pool.

import type { Vmem } from '@vmem-ts/vmem-api';

/** @param ptr a pointer that was good once */
export function everyMethod(pool: Vmem, ptr: number): [string, () => unknown][] {
  return [
    ['malloc', () => pool.malloc(64)],
    ['malloc of nothing', () => pool.malloc(0)],
    ['malloc of a large block', () => pool.malloc(100_000)],
    ['malloc beyond the pool', () => pool.malloc(2 ** 40)],
    ['calloc', () => pool.calloc(4, 16)],
    ['calloc beyond the pool', () => pool.calloc(2 ** 30, 2 ** 30)],
    ['realloc', () => pool.realloc(ptr, 128)],
    ['realloc to the same size', () => pool.realloc(ptr, 64)],
    ['realloc to nothing', () => pool.realloc(ptr, 0)],
    ['realloc of NULL', () => pool.realloc(0, 64)],
    ['relocate', () => pool.relocate(ptr)],
    ['free', () => pool.free(ptr)],
    ['free of NULL', () => pool.free(0)],
    ['free of a view', () => pool.free(new Uint8Array(pool.buffer, pool.byteOffset + ptr, 1))],
    ['alignedAlloc', () => pool.alignedAlloc(64, 64)],
    ['alignedAlloc of pages', () => pool.alignedAlloc(65536, 100_000)],
    ['alignedAlloc beyond the pool', () => pool.alignedAlloc(2 ** 40, 1)],
    ['strdup', () => pool.strdup('é')],
    ['wcsdup', () => pool.wcsdup('é')],
    ['mallocMany', () => pool.mallocMany(64, 10, new Float64Array(10))],
    ['mallocMany of none', () => pool.mallocMany(64, 0, [])],
    ['mallocMany of large blocks', () => pool.mallocMany(50_000, 2, [])],
    ['mallocMany beyond the pool', () => pool.mallocMany(2 ** 40, 2, [])],
    ['freeMany', () => pool.freeMany([ptr])],
    ['freeMany of none', () => pool.freeMany([])],
    ['freeMany of NULL', () => pool.freeMany(new Float64Array(2))],
    ['contains', () => pool.contains(ptr)],
    ['contains of what is no pointer', () => pool.contains('64')],
    ['blockAt', () => pool.blockAt(ptr)],
    ['blocks', () => pool.blocks()],
    ['usableSize', () => pool.usableSize(ptr)],
    ['alloc', () => pool.alloc(Float64Array, 4)],
    ['alloc beyond the pool', () => pool.alloc(Float64Array, 2 ** 40)],
    ['view', () => pool.view(Uint8Array, ptr, 1)],
    ['check', () => pool.check()],
    ['checkReport', () => pool.checkReport()],
    ['purge', () => pool.purge()],
    ['stats', () => pool.stats()],
    ['statsPrint', () => pool.statsPrint('gmabl')],
  ];
}
