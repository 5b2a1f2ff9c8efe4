/*
 * Random operations on kinds of memory; prints what came of each. memkind-operations.ts is the same program, line by line:
 * from the same seed both print the same. What C leaves open is not printed: addresses, usable sizes, errno after success.
 *
 * memkind-operations DIRECTORY SEED STEPS
 */
#include <errno.h>
#include <memkind.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 4
#define SLOTS 400
#define LIMIT (256ull * 1024 * 1024)
#define BUDGET (32 * 1024 * 1024)

struct block {
  char *ptr;
  uint32_t size;
  int kind;
  unsigned char mark;
};

static memkind_t kinds[KINDS]; /* the last one is MEMKIND_DEFAULT */
static struct block blocks[SLOTS];
static uint32_t state;
static uint32_t live;
static uint32_t sum;
static unsigned char serial;

static uint32_t below(uint32_t n) {
  state = state * 1664525u + 1013904223u;
  return (uint32_t)(((uint64_t)state * n) >> 32);
}

/* Small ones are frequent. */
static uint32_t any_size(void) {
  uint32_t most = 1u << (3 + below(16));
  return 1 + below(most);
}

static size_t edge(uint32_t n) { return n == 0 ? 0 : n == 1 ? SIZE_MAX : n == 2 ? LIMIT + 1 : SIZE_MAX / 2; }

static int number_of(memkind_t kind) {
  for (int i = 0; i < KINDS; i++)
    if (kinds[i] == kind) return i;
  return -1;
}

static void fill(struct block *block) {
  block->mark = ++serial;
  memset(block->ptr, block->mark, block->size);
}

static int is_intact(struct block *block, uint32_t size) {
  for (uint32_t i = 0; i < size; i++)
    if ((unsigned char)block->ptr[i] != block->mark) return 0;
  sum = sum * 31 + block->mark;
  return 1;
}

static void keep(struct block *block, char *ptr, uint32_t size, int kind) {
  block->ptr = ptr;
  block->size = size;
  block->kind = kind;
  live += size;
  fill(block);
}

static void drop(struct block *block) {
  live -= block->size;
  block->ptr = NULL;
}

static void do_malloc(struct block *block) {
  int kind = (int)below(KINDS);
  uint32_t size = any_size();
  char *ptr = memkind_malloc(kinds[kind], size);
  printf("malloc %d %u: %d\n", kind, size, ptr != NULL);
  if (ptr == NULL) return;
  printf("  usable %d, kind %d\n", memkind_malloc_usable_size(kinds[kind], ptr) >= size, number_of(memkind_detect_kind(ptr)));
  keep(block, ptr, size, kind);
}

static void do_calloc(struct block *block) {
  int kind = (int)below(KINDS);
  uint32_t size = any_size();
  uint32_t num = 1 + below(4);
  char *ptr = memkind_calloc(kinds[kind], num, size);
  int zeros = 1;
  for (uint32_t i = 0; ptr != NULL && i < num * size; i++) zeros = zeros && ptr[i] == 0;
  printf("calloc %d %u %u: %d, zeros %d\n", kind, num, size, ptr != NULL, zeros);
  if (ptr != NULL) keep(block, ptr, num * size, kind);
}

static void do_memalign(struct block *block) {
  int kind = (int)below(KINDS);
  uint32_t size = any_size();
  size_t alignment = (size_t)1 << below(14);
  if (below(5) == 0) alignment += 1 + below(3);
  void *ptr = NULL;
  errno = 0;
  int result = memkind_posix_memalign(kinds[kind], &ptr, alignment, size);
  printf("posix_memalign %d %u %u: %d, errno %d, null %d\n", kind, (unsigned)alignment, size, result, errno, ptr == NULL);
  if (ptr == NULL) return;
  printf("  aligned %d\n", (uintptr_t)ptr % alignment == 0);
  keep(block, ptr, size, kind);
}

static void do_realloc(struct block *block) {
  uint32_t size = any_size();
  int is_known = below(2) == 0;
  int kind = block->kind;
  uint32_t kept = size < block->size ? size : block->size;
  char *ptr = memkind_realloc(is_known ? kinds[kind] : NULL, block->ptr, size);
  printf("realloc %d %u to %u, known %d: %d\n", kind, block->size, size, is_known, ptr != NULL);
  if (ptr == NULL) return;
  block->ptr = ptr;
  printf("  intact %d, usable %d, kind %d\n", is_intact(block, kept), memkind_malloc_usable_size(NULL, ptr) >= size, number_of(memkind_detect_kind(ptr)));
  drop(block);
  keep(block, ptr, size, kind);
}

static void do_free(struct block *block) {
  int way = (int)below(3);
  printf("free %d %u, way %d, intact %d\n", block->kind, block->size, way, is_intact(block, block->size));
  errno = 0;
  if (way == 0) memkind_free(kinds[block->kind], block->ptr);
  if (way == 1) memkind_free(NULL, block->ptr);
  if (way == 2) {
    int is_null = memkind_realloc(kinds[block->kind], block->ptr, 0) == NULL;
    printf("  null %d, errno %d\n", is_null, errno);
  }
  drop(block);
}

static void do_defrag(struct block *block) {
  char *ptr = memkind_defrag_reallocate(below(2) == 0 ? kinds[block->kind] : NULL, block->ptr);
  if (ptr != NULL) block->ptr = ptr;
  printf("defrag_reallocate %d %u: intact %d, kind %d\n", block->kind, block->size, is_intact(block, block->size), number_of(memkind_detect_kind(block->ptr)));
}

static void do_edge(struct block *block) {
  int kind = (int)below(KINDS - 1);
  uint32_t which = below(4);
  size_t size = edge(which);
  void *out = &live;
  int is_null;
  errno = 0;
  is_null = memkind_malloc(kinds[kind], size) == NULL;
  printf("edge %d %u: malloc %d, errno %d\n", kind, which, is_null, which == 0 ? 0 : errno);
  errno = 0;
  is_null = memkind_calloc(kinds[kind], 1, size) == NULL;
  printf("  calloc %d, errno %d\n", is_null, which == 0 ? 0 : errno);
  errno = 0;
  is_null = memkind_realloc(kinds[kind], NULL, size) == NULL;
  printf("  realloc of null %d, errno %d\n", is_null, which == 0 ? 0 : errno);
  errno = 0;
  int result = memkind_posix_memalign(kinds[kind], &out, 64, size);
  printf("  posix_memalign %d, null %d, errno %d\n", result, out == NULL, errno);
  errno = 0;
  is_null = memkind_realloc(NULL, NULL, size) == NULL;
  printf("  realloc of null without a kind %d, errno %d\n", is_null, errno);
  if (block->ptr != NULL && block->kind == kind && which != 0) {
    errno = 0;
    is_null = memkind_realloc(kinds[kind], block->ptr, size) == NULL;
    printf("  realloc %d, errno %d, intact %d\n", is_null, errno, is_intact(block, block->size));
  }
  memkind_free(kinds[kind], NULL);
  memkind_free(NULL, NULL);
  printf("  usable size of null %d %d, kind %d, defrag %d\n", memkind_malloc_usable_size(kinds[kind], NULL) == 0, memkind_malloc_usable_size(NULL, NULL) == 0, memkind_detect_kind(NULL) == NULL, memkind_defrag_reallocate(NULL, NULL) == NULL);
}

/* Never conservative: libmemkind 1.14 crashes now and then where there are such kinds beside others. */
static int create(const char *dir, int kind) {
  int result;
  if (below(2) == 0) {
    result = memkind_create_pmem(dir, LIMIT, &kinds[kind]);
  } else {
    struct memkind_config *cfg = memkind_config_new();
    memkind_config_set_path(cfg, dir);
    memkind_config_set_size(cfg, LIMIT);
    memkind_config_set_memory_usage_policy(cfg, MEMKIND_MEM_USAGE_POLICY_DEFAULT);
    result = memkind_create_pmem_with_config(cfg, &kinds[kind]);
    memkind_config_delete(cfg);
  }
  return result;
}

static void do_kind(const char *dir) {
  int kind = (int)below(KINDS - 1);
  memkind_t none = NULL;
  for (int i = 0; i < SLOTS; i++) {
    if (blocks[i].ptr == NULL || blocks[i].kind != kind) continue;
    printf("intact %d\n", is_intact(&blocks[i], blocks[i].size));
    drop(&blocks[i]);
  }
  printf("capacity %lld, available %d\n", (long long)memkind_get_capacity(kinds[kind]), memkind_check_available(kinds[kind]));
  printf("destroy %d: %d\n", kind, memkind_destroy_kind(kinds[kind]));
  printf("create %d: %d\n", kind, create(dir, kind));
  errno = 0;
  int result = memkind_create_pmem("/no such directory", LIMIT, &none);
  printf("create in no directory: %d, errno %d, null %d\n", result, errno, none == NULL);
  result = memkind_create_pmem(dir, MEMKIND_PMEM_MIN_SIZE - 1 - below(100), &none);
  printf("create too small: %d, null %d\n", result, none == NULL);
}

/* A larger request never has less room. */
static void do_monotony(void) {
  int kind = (int)below(KINDS);
  size_t last = 0;
  int rises = 1;
  for (uint32_t size = 1; size < 1u << 20; size += 1 + size / 16 + below(8)) {
    void *ptr = memkind_malloc(kinds[kind], size);
    size_t usable = memkind_malloc_usable_size(kinds[kind], ptr);
    rises = rises && usable >= last && usable >= size;
    last = usable;
    memkind_free(kinds[kind], ptr);
  }
  printf("monotony %d: %d\n", kind, rises);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  const char *dir = argv[1];
  state = (uint32_t)strtoul(argv[2], NULL, 10);
  uint32_t steps = (uint32_t)strtoul(argv[3], NULL, 10);
  for (int i = 0; i < KINDS - 1; i++) printf("create %d: %d\n", i, create(dir, i));
  kinds[KINDS - 1] = MEMKIND_DEFAULT;
  for (uint32_t step = 0; step < steps; step++) {
    struct block *block = &blocks[below(SLOTS)];
    uint32_t what = below(1000);
    if (what < 5) do_kind(dir);
    else if (what < 10) do_monotony();
    else if (what < 40) do_edge(block);
    else if (block->ptr == NULL && live > BUDGET) continue;
    else if (block->ptr == NULL && what < 600) do_malloc(block);
    else if (block->ptr == NULL && what < 800) do_calloc(block);
    else if (block->ptr == NULL) do_memalign(block);
    else if (live > BUDGET || what < 500) do_free(block);
    else if (what < 900) do_realloc(block);
    else do_defrag(block);
  }
  for (int i = 0; i < SLOTS; i++)
    if (blocks[i].ptr != NULL) do_free(&blocks[i]);
  for (int i = 0; i < KINDS - 1; i++) printf("destroy %d: %d\n", i, memkind_destroy_kind(kinds[i]));
  printf("live %u, sum %u\n", live, sum);
  return 0;
}
