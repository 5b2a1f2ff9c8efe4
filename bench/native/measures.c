/* See measures.h; the twins are in bench/workloads. */
#include "allocators.h"
#include "measures.h"
#include "random.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

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

enum { PHASES = 3, PASSES = 8, SMALLEST = 16, LARGEST = 500000 };

static uint32_t size_in_phase(uint32_t phase, uint32_t x) {
  if (phase == 0) return small_size(x);
  uint32_t smallest = phase == 1 ? 1024 : 16;
  return smallest + below(x, LARGEST - smallest);
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
      if ((block = HEAP_MALLOC(size)) == NULL) {
        if (count == 0) fail("an empty pool has no room for %u bytes", size);
        x = next(x);
        size_t victim = below(x, (uint32_t)count);
        HEAP_FREE(blocks[victim]);
        live -= sizes[victim];
        blocks[victim] = blocks[--count];
        sizes[victim] = sizes[count];
        continue;
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

/* first-use: the first operations of a thread, and the same when it is warm */

enum { FIRST_OPERATIONS = 1000, FIRST_SLOTS = 100, WARM_RUNS = 200 };

struct first_use {
  uint32_t seed;
  uint64_t first, warm;
};

static __thread void *first_slots[FIRST_SLOTS];

static uint64_t time_operations(uint32_t x) {
  uint64_t start = now_ns();
  for (int i = 0; i < FIRST_OPERATIONS; i++) {
    x = next(x);
    uint32_t at = below(x, FIRST_SLOTS);
    x = next(x);
    if (first_slots[at] != NULL) HEAP_FREE(first_slots[at]);
    void *block = HEAP_MALLOC(small_size(x));
    if (block == NULL) fail("out of memory");
    *(volatile char *)block = 1;
    first_slots[at] = block;
  }
  return now_ns() - start;
}

static void *use_first(void *argument) {
  struct first_use *use = argument;
  use->first = time_operations(use->seed);
  use->warm = use->first;
  for (int run = 0; run < WARM_RUNS; run++) {
    uint64_t elapsed = time_operations(use->seed);
    if (elapsed < use->warm) use->warm = elapsed;
  }
  for (int i = 0; i < FIRST_SLOTS; i++) {
    if (first_slots[i] != NULL) HEAP_FREE(first_slots[i]);
  }
  return NULL;
}

static int measure_first_use(const struct params *p, double *values) {
  struct first_use use = {.seed = p->seed};
  pthread_t thread;
  if (pthread_create(&thread, NULL, use_first, &use) != 0) fail("no thread can be started");
  pthread_join(thread, NULL);
  values[0] = NAN;
  values[1] = (double)use.first;
  values[2] = (double)use.warm;
  return 3;
}

/* crowd: asking in vain for memory; alone, and beside threads that do nothing */

enum { CROWD_REPEATS = 200, PARTS = 8 };

static void *stand_by(void *argument) {
  pthread_barrier_t *step = argument;
  void *block = HEAP_MALLOC(64);
  if (block == NULL) fail("out of memory");
  HEAP_FREE(block);
  pthread_barrier_wait(step); /* has used the heap */
  pthread_barrier_wait(step); /* may end */
  return NULL;
}

static double time_refusal(uint64_t part) {
  double times[CROWD_REPEATS];
  void *parts[PARTS], *block;
  int count = 0;
  while (count < PARTS && (block = HEAP_MALLOC(part)) != NULL) parts[count++] = block;
  for (int i = 0; i < CROWD_REPEATS; i++) {
    uint64_t start = now_ns();
    block = HEAP_MALLOC(part);
    times[i] = (double)(now_ns() - start);
    if (block != NULL) fail("what was refused is there");
  }
  while (count > 0) HEAP_FREE(parts[--count]);
  qsort(times, CROWD_REPEATS, sizeof *times, ascending);
  return times[CROWD_REPEATS / 2];
}

static int measure_crowd(const struct params *p, double *values) {
  uint64_t part = p->pool_bytes / PARTS;
  pthread_t idle[p->threads];
  pthread_barrier_t step;
  open_pool(p);
  /* first: libmemkind 1.14 crashes when threads begin in a pool that was full before */
  pthread_barrier_init(&step, NULL, p->threads);
  for (uint32_t i = 1; i < p->threads; i++) {
    if (pthread_create(&idle[i], NULL, stand_by, &step) != 0) fail("no thread can be started");
  }
  pthread_barrier_wait(&step);
  time_refusal(part);
  values[0] = values[1] = NAN;
  values[3] = time_refusal(part);
  pthread_barrier_wait(&step);
  for (uint32_t i = 1; i < p->threads; i++) pthread_join(idle[i], NULL);
  pthread_barrier_destroy(&step);
  values[2] = time_refusal(part);
  heap_close();
  return 4;
}

const struct measure_type measures[] = {
    {"pool", 1, measure_pool},
    {"capacity", 1, measure_capacity},
    {"fragmentation", 1, measure_fragmentation},
    {"first-use", 0, measure_first_use},
    {"crowd", 1, measure_crowd},
    {NULL, 0, NULL},
};
