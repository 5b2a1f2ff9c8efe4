/*
 * Blocks whose contents are verified: a header with size and number, the rest filled with a pattern that follows from
 * the number. A block that overlaps another, or is handed out twice, is found when it is freed.
 */
#include "allocators.h"
#include "job.h"

enum { FILLED_AT_MOST = 4096, DEAD = 0xdeadbeef };

struct header {
  uint32_t size, number;
};

static atomic_uint numbers;

static unsigned char pattern(uint32_t number, size_t at) { return (unsigned char)(number * 31 + at * 7); }

static inline void *block_new(size_t size) {
  size_t length = size < 16 ? 16 : size;
  struct header *block = HEAP_MALLOC(length);
  if (block == NULL) fail("out of memory");
  block->size = (uint32_t)length;
  block->number = atomic_fetch_add(&numbers, 1);
  size_t filled = length < FILLED_AT_MOST ? length : FILLED_AT_MOST;
  for (size_t at = sizeof *block; at < filled; at++) ((unsigned char *)block)[at] = pattern(block->number, at);
  ((unsigned char *)block)[length - 1] = pattern(block->number, length - 1);
  return block;
}

static inline void block_delete(void *pointer) {
  struct header *block = pointer;
  size_t length = block->size;
  if (block->number == DEAD || length < 16) fail("a block was handed out twice or overwritten");
  size_t filled = length < FILLED_AT_MOST ? length : FILLED_AT_MOST;
  for (size_t at = sizeof *block; at < filled; at++) {
    if (((unsigned char *)block)[at] != pattern(block->number, at))
      fail("byte %zu of a block of %zu changed", at, length);
  }
  if (((unsigned char *)block)[length - 1] != pattern(block->number, length - 1))
    fail("the last byte of a block changed");
  block->number = DEAD;
  HEAP_FREE(block);
}

static inline void block_write(void *block, size_t at) {
  volatile unsigned char *byte = (volatile unsigned char *)block + at;
  *byte = *byte;
}
