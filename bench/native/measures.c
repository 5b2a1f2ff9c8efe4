/* See measures.h; the twins are in bench/workloads. */
#include "allocators.h"
#include "measures.h"
#include "random.h"
#include <math.h>
#include <pthread.h>

static void open_pool(const struct params *p) {
  int error = heap_open(p->dir, p->pool_bytes, p->slots);
  if (error != 0) fail("the pool cannot be made in %s: %s", p->dir, strerror(error));
}

/* pool */

static int measure_pool(const struct params *p, double *values) {
  uint64_t start = now_ns();
  open_pool(p);
  heap_close();
  values[0] = (double)(now_ns() - start);
  return 1;
}

/* capacity */

static const uint32_t CAPACITY_SIZES[] = {8, 16, 64, 100, 256, 1000, 4096, 65536, 1000000, 0};

enum { CAPACITIES = sizeof CAPACITY_SIZES / sizeof *CAPACITY_SIZES };

static int measure_capacity(const struct params *p, double *values) {
  for (int i = 0; i < CAPACITIES; i++) {
    uint64_t filled = 0;
    uint32_t x = p->seed;
    open_pool(p);
    for (;;) {
      x = next(x);
      uint32_t size = CAPACITY_SIZES[i] != 0 ? CAPACITY_SIZES[i] : small_size(x);
      if (HEAP_MALLOC(size) == NULL) break;
      filled += size;
    }
    heap_close();
    values[i] = (double)filled / (double)p->pool_bytes;
  }
  return CAPACITIES;
}

/* fragmentation */

enum { PHASES = 3, PASSES = 4, SMALLEST = 16 };

static uint32_t size_in_phase(uint32_t phase, uint32_t x) {
  uint32_t size = phase == 0 ? small_size(x) : phase == 1 ? log_uniform(x, 1024, 9) : log_uniform(x, 16, 15);
  return size < 500000 ? size : 500000;
}

static int measure_fragmentation(const struct params *p, double *values) {
  size_t room = p->pool_bytes / SMALLEST;
  void **blocks = bench_memory(room * sizeof *blocks);
  uint32_t *sizes = bench_memory(room * sizeof *sizes);
  size_t count = 0;
  double live = 0;
  uint32_t x = p->seed;
  open_pool(p);
  for (uint32_t phase = 0; phase < PHASES; phase++) {
    double allocated = 0, weighted = 0, counted = 0;
    while (allocated < (double)PASSES * (double)p->pool_bytes) {
      x = next(x);
      uint32_t size = size_in_phase(phase, x);
      void *block;
      while ((block = HEAP_MALLOC(size)) == NULL) {
        if (count == 0) fail("an empty pool has no room for %u bytes", size);
        x = next(x);
        size_t victim = below(x, (uint32_t)count);
        HEAP_FREE(blocks[victim]);
        live -= sizes[victim];
        blocks[victim] = blocks[--count];
        sizes[victim] = sizes[count];
      }
      blocks[count] = block;
      sizes[count++] = size;
      live += size;
      allocated += size;
      if (allocated > (double)PASSES / 2 * (double)p->pool_bytes) {
        weighted += live * size;
        counted += size;
      }
    }
    values[phase] = weighted / counted / (double)p->pool_bytes;
  }
  heap_close();
  return PHASES;
}

/* first-use: the first operations of a thread */

enum { FIRST_OPERATIONS = 1000, FIRST_SLOTS = 100 };

static void *first_operations(void *argument) {
  static __thread void *slots[FIRST_SLOTS];
  uint64_t *elapsed = argument;
  uint64_t start = now_ns();
  uint32_t x = (uint32_t)*elapsed;
  for (int i = 0; i < FIRST_OPERATIONS; i++) {
    x = next(x);
    uint32_t at = below(x, FIRST_SLOTS);
    x = next(x);
    if (slots[at] != NULL) HEAP_FREE(slots[at]);
    slots[at] = HEAP_MALLOC(small_size(x));
    if (slots[at] == NULL) fail("out of memory");
    *(volatile char *)slots[at] = 1;
  }
  *elapsed = now_ns() - start;
  for (int i = 0; i < FIRST_SLOTS; i++) {
    if (slots[i] != NULL) HEAP_FREE(slots[i]);
  }
  return NULL;
}

static int measure_first_use(const struct params *p, double *values) {
  uint64_t elapsed = p->seed;
  pthread_t thread;
  if (pthread_create(&thread, NULL, first_operations, &elapsed) != 0) fail("no thread can be started");
  pthread_join(thread, NULL);
  values[0] = NAN;
  values[1] = (double)elapsed;
  return 2;
}

const struct measure_type measures[] = {
    {"pool", 1, measure_pool},
    {"capacity", 1, measure_capacity},
    {"fragmentation", 1, measure_fragmentation},
    {"first-use", 0, measure_first_use},
    {NULL, 0, NULL},
};
