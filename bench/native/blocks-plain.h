/* Blocks as they are timed. */
#include "allocators.h"
#include "job.h"

static inline void *block_new(size_t size) {
  void *block = HEAP_MALLOC(size);
  if (__builtin_expect(block == NULL, 0)) fail("out of memory");
  return block;
}

static inline void block_delete(void *block) { HEAP_FREE(block); }

static inline void block_write(void *block, size_t at) { ((volatile unsigned char *)block)[at] = (unsigned char)at; }
