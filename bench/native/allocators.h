/*
 * The allocator under test, chosen when the program is compiled: one of ALLOCATOR_GLIBC, _JEMALLOC, _MIMALLOC,
 * _TCMALLOC, _MEMKIND, _LIBVMEM, or _CONTROL for none. Everything else calls it by the names below and by no other way.
 *
 *   heap_open(dir, bytes)   before the first block; the last two make a pool of `bytes` in a file in `dir`
 *   heap_proof()            NULL if blocks really come from the allocator that was asked for, else what is wrong
 */
#ifndef ALLOCATORS_H
#define ALLOCATORS_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(ALLOCATOR_MEMKIND)
#include <memkind.h>
#define HEAP_HAS_POOL 1
extern struct memkind *heap_pool;
#define HEAP_MALLOC(size) memkind_malloc(heap_pool, (size))
#define HEAP_FREE(block) memkind_free(heap_pool, (block))
#elif defined(ALLOCATOR_LIBVMEM)
#include <libvmem.h>
#define HEAP_HAS_POOL 1
extern VMEM *heap_pool;
#define HEAP_MALLOC(size) vmem_malloc(heap_pool, (size))
#define HEAP_FREE(block) vmem_free(heap_pool, (block))
#elif defined(ALLOCATOR_CONTROL)
#include "control.h"
#define HEAP_HAS_POOL 0
#define HEAP_MALLOC(size) control_malloc(size)
#define HEAP_FREE(block) control_free(block)
#else
#define HEAP_HAS_POOL 0
#define HEAP_MALLOC(size) malloc(size)
#define HEAP_FREE(block) free(block)
#endif

/** The control's blocks overlap, so there is nothing to verify. */
#if defined(ALLOCATOR_CONTROL)
#define HEAP_HAS_BLOCKS 0
#else
#define HEAP_HAS_BLOCKS 1
#endif

const char *heap_version(void);
const char *heap_library(void);
const char *heap_proof(void);
/** 0, or an errno. */
int heap_open(const char *dir, size_t bytes, size_t slots);
void heap_close(void);

#endif
