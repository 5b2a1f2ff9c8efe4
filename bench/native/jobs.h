/*
 * The workloads, twins of those in bench/workloads: the same operations in the same order with the same random
 * numbers. Compiled twice; block_new, block_delete and block_write say how.
 */

#include "random.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct state {
  uint32_t x;
  uint32_t count;
  void **slots;
  struct state *kept;
};

static struct state *new_state(const struct context *c, size_t slots) {
  struct state *s = bench_memory(sizeof *s);
  s->x = seed_of(c->params->seed, c->thread);
  s->count = 0;
  s->slots = bench_memory((slots + 1) * sizeof(void *));
  return s;
}

static inline uint32_t size_from(uint32_t x, const struct params *p) {
  return p->span == 0 ? log_uniform(x, p->low, p->doublings) : (p->low + below(x, p->span)) * p->unit;
}

static void free_slots(struct state *s, size_t slots) {
  for (size_t i = 0; i < slots; i++) {
    if (s->slots[i] != NULL) block_delete(s->slots[i]);
    s->slots[i] = NULL;
  }
}

static void free_all(void *state, const struct context *c) { free_slots(state, c->params->slots); }

static void nothing_to_free(void *state, const struct context *c) { (void)state, (void)c; }

/* pair */

static void *prepare_empty(const struct context *c) { return new_state(c, c->params->slots); }

static uint64_t run_pair(void *state, const struct context *c, uint64_t operations) {
  (void)state;
  size_t size = c->params->size;
  for (uint64_t i = 0; i < operations; i++) {
    void *block = block_new(size);
    __asm__ volatile("" : "+r"(block)); /* the compiler may not drop the pair, and needs no memory for that */
    block_delete(block);
  }
  return operations;
}

/* batch */

static uint64_t run_batch(void *state, const struct context *c, uint64_t operations) {
  void **slots = ((struct state *)state)->slots;
  uint32_t count = c->params->slots;
  size_t size = c->params->size;
  uint64_t done = 0;
  for (; done < operations; done += count) {
    for (uint32_t i = 0; i < count; i++) slots[i] = block_new(size);
    for (uint32_t i = 0; i < count; i++) block_delete(slots[i]);
  }
  memset(slots, 0, count * sizeof *slots);
  return done;
}

/* churn: also big, larson, glibc-thread, malloc-large and the scaling rows, which differ in their parameters */

static void *prepare_full(const struct context *c) {
  struct state *s = new_state(c, c->params->slots);
  for (uint32_t i = 0; i < c->params->slots; i++) {
    s->x = next(s->x);
    s->slots[i] = block_new(size_from(s->x, c->params));
    block_write(s->slots[i], 0);
  }
  return s;
}

static uint64_t run_churn(void *state, const struct context *c, uint64_t operations) {
  struct state *s = state;
  const struct params *p = c->params;
  uint32_t x = s->x;
  for (uint64_t i = 0; i < operations; i++) {
    x = next(x);
    uint32_t at = below(x, p->slots);
    x = next(x);
    block_delete(s->slots[at]);
    void *block = block_new(size_from(x, p));
    block_write(block, 0);
    s->slots[at] = block;
  }
  s->x = x;
  return operations;
}

/* free-extents: churn beside many holes of eight sizes */

enum { HOLE_STEP = 4096, HOLE_SIZES = 8 };

static void *prepare_holes(const struct context *c) {
  uint32_t holes = c->params->holes;
  struct state *kept = new_state(c, 2 * (size_t)holes);
  for (uint32_t i = 0; i < 2 * holes; i += 2) {
    kept->slots[i] = block_new(c->params->size + i / 2 % HOLE_SIZES * HOLE_STEP);
    kept->slots[i + 1] = block_new(c->params->size); /* keeps the holes apart */
  }
  for (uint32_t i = 0; i < 2 * holes; i += 2) {
    block_delete(kept->slots[i]);
    kept->slots[i] = NULL;
  }
  struct state *s = prepare_full(c);
  s->kept = kept;
  return s;
}

static void finish_holes(void *state, const struct context *c) {
  free_all(state, c);
  free_slots(((struct state *)state)->kept, 2 * (size_t)c->params->holes);
}

/* alloc-test: free the slot if it is taken, else take it */

static uint64_t run_alloc_test(void *state, const struct context *c, uint64_t operations) {
  struct state *s = state;
  const struct params *p = c->params;
  uint32_t x = s->x;
  for (uint64_t i = 0; i < operations; i++) {
    x = next(x);
    uint32_t at = below(x, p->slots);
    if (s->slots[at] != NULL) {
      block_delete(s->slots[at]);
      s->slots[at] = NULL;
    } else {
      x = next(x);
      uint32_t size = size_from(x, p);
      void *block = block_new(size);
      block_write(block, 0);
      block_write(block, size - 1);
      s->slots[at] = block;
    }
  }
  s->x = x;
  return operations;
}

/* sh6bench: generations of ascending sizes; the last but one is freed, every second forwards, the rest backwards */

static uint32_t rising_size(uint32_t x, uint32_t i, uint32_t count) {
  uint32_t base = 8u << (i * 7 / count);
  return base + ((x >> 8) & (base - 1));
}

static void *prepare_generations(const struct context *c) { return new_state(c, 3 * (size_t)c->params->slots); }

static uint64_t run_sh6bench(void *state, const struct context *c, uint64_t operations) {
  struct state *s = state;
  uint32_t count = c->params->slots, x = s->x;
  uint64_t done = 0;
  for (; done < operations; done += count) {
    void **made = s->slots + (size_t)(s->count % 3) * count;
    void **old = s->slots + (size_t)((s->count + 1) % 3) * count;
    for (uint32_t i = 0; i < count; i++) {
      x = next(x);
      made[i] = block_new(rising_size(x, i, count));
      block_write(made[i], 0);
    }
    if (s->count >= 2) {
      for (uint32_t i = 1; i < count; i += 2) block_delete(old[i]);
      for (uint32_t i = (count - 1) & ~1u;; i -= 2) {
        block_delete(old[i]);
        if (i == 0) break;
      }
      memset(old, 0, count * sizeof *old);
    }
    s->count++;
  }
  s->x = x;
  return done;
}

static void free_generations(void *state, const struct context *c) { free_slots(state, 3 * (size_t)c->params->slots); }

/* sh8bench: the same sizes; every block is exchanged for another thread's, which is freed */

static void *exchange(const struct context *c, uint32_t at, void *block) {
  return (void *)atomic_exchange(&c->shared[at], (uintptr_t)block);
}

static uint64_t run_sh8bench(void *state, const struct context *c, uint64_t operations) {
  struct state *s = state;
  uint32_t count = c->params->slots, x = s->x;
  uint64_t done = 0;
  for (; done < operations; done += count) {
    for (uint32_t i = 0; i < count; i++) {
      x = next(x);
      void *block = block_new(rising_size(x, i, count));
      block_write(block, 0);
      x = next(x);
      void *other = exchange(c, below(x, count), block);
      if (other != NULL) block_delete(other);
    }
  }
  s->x = x;
  return done;
}

static void finish_shared(void *state, const struct context *c) {
  free_all(state, c);
  for (uint32_t i = c->thread; i < SHARED_WORDS; i += c->threads) {
    void *block = exchange(c, i, NULL);
    if (block != NULL) block_delete(block);
  }
}

/* 1p1c, xmalloc-test: an even thread allocates, hands over through a ring, the next one frees */

enum { RING_WORDS = 2048, RING_HEAD = 0, RING_TAIL = 16, RING_ENTRIES = 32, RING_LENGTH = 1024, SPINS = 200 };

static uintptr_t wait_for_change(_Atomic(uintptr_t) *word, uintptr_t seen) {
  uintptr_t now;
  for (uint32_t spins = 0; (now = atomic_load(word)) == seen; spins++) {
    if (spins >= SPINS) sched_yield();
  }
  return now;
}

static uint64_t run_producer(struct state *s, const struct context *c, _Atomic(uintptr_t) *ring, uint64_t operations) {
  const struct params *p = c->params;
  uint32_t x = s->x, batch = p->batch;
  uintptr_t tail = atomic_load(&ring[RING_TAIL]), head = atomic_load(&ring[RING_HEAD]);
  for (uint64_t done = 0; done < operations; done += batch) {
    while (tail + batch - head > RING_LENGTH) head = wait_for_change(&ring[RING_HEAD], head);
    for (uint32_t i = 0; i < batch; i++) {
      x = next(x);
      void *block = block_new(size_from(x, p));
      block_write(block, 0);
      atomic_store_explicit(&ring[RING_ENTRIES + (tail + i) % RING_LENGTH], (uintptr_t)block, memory_order_relaxed);
    }
    tail += batch;
    atomic_store(&ring[RING_TAIL], tail);
  }
  s->x = x;
  return operations;
}

static void run_consumer(_Atomic(uintptr_t) *ring, uint64_t operations) {
  uintptr_t head = atomic_load(&ring[RING_HEAD]), tail = head;
  for (uint64_t done = 0; done < operations;) {
    if (tail == head) tail = wait_for_change(&ring[RING_TAIL], head);
    for (; head != tail; head++, done++) {
      block_delete((void *)atomic_load_explicit(&ring[RING_ENTRIES + head % RING_LENGTH], memory_order_relaxed));
    }
    atomic_store(&ring[RING_HEAD], head);
  }
}

static uint64_t run_ring(void *state, const struct context *c, uint64_t operations) {
  _Atomic(uintptr_t) *ring = c->shared + (size_t)(c->thread / 2) * RING_WORDS;
  uint64_t whole = (operations + c->params->batch - 1) / c->params->batch * c->params->batch;
  if (c->thread % 2 == 0) return run_producer(state, c, ring, whole);
  run_consumer(ring, whole);
  return 0;
}

/* mstress: blocks for the moment and blocks that stay, some of them exchanged with other threads */

enum { EXCHANGE_SLOTS = 1000 };

static uint64_t run_mstress(void *state, const struct context *c, uint64_t operations) {
  struct state *s = state;
  uint32_t count = c->params->slots, x = s->x;
  uint64_t done = 0;
  for (; done < operations; done += count) {
    uint32_t top = 0, bottom = count;
    for (uint32_t i = 0; i < count; i++) {
      x = next(x);
      uint32_t chance = below(x, 200);
      x = next(x);
      void *block = block_new(chance == 0 ? log_uniform(x, 16384, 4) : log_uniform(x, 16, 6));
      block_write(block, 0);
      if (chance < 100) s->slots[top++] = block;
      else s->slots[--bottom] = block;
      x = next(x);
      chance = below(x, 12);
      if (top > 0 && chance < 8) {
        x = next(x);
        uint32_t at = below(x, top);
        block_delete(s->slots[at]);
        s->slots[at] = s->slots[--top];
      }
      if (top > 0 && chance % 4 == 0) {
        x = next(x);
        uint32_t at = below(x, top);
        void *other = exchange(c, below(x ^ 0x55555555u, EXCHANGE_SLOTS), s->slots[at]);
        s->slots[at] = other != NULL ? other : s->slots[--top];
      }
    }
    for (uint32_t i = 0; i < top; i++) block_delete(s->slots[i]);
    for (uint32_t i = bottom; i < count; i++) block_delete(s->slots[i]);
    memset(s->slots, 0, count * sizeof(void *));
  }
  s->x = x;
  return done;
}

/* rptest: replaces random slots; every eighth old block is freed by whoever takes it out of the exchange */

static uint64_t run_rptest(void *state, const struct context *c, uint64_t operations) {
  struct state *s = state;
  const struct params *p = c->params;
  uint32_t x = s->x;
  for (uint64_t i = 0; i < operations; i++) {
    x = next(x);
    uint32_t at = below(x, p->slots);
    x = next(x);
    void *old = s->slots[at];
    if (i % 8 == 0) old = exchange(c, below(x ^ 0x55555555u, EXCHANGE_SLOTS), old);
    if (old != NULL) block_delete(old);
    void *block = block_new(size_from(x, p));
    block_write(block, 0);
    s->slots[at] = block;
  }
  s->x = x;
  return operations;
}

/* cache-scratch, cache-thrash: every thread writes into a small block of its own; do the blocks share cache lines? */

enum { WRITES = 1000 };

static void *prepare_scratch(const struct context *c) {
  if (c->thread == 0) {
    for (uint32_t i = 0; i < c->threads; i++) exchange(c, i, block_new(c->params->size));
  }
  return new_state(c, 1);
}

static uint64_t run_cache_thrash(void *state, const struct context *c, uint64_t operations) {
  (void)state;
  uint64_t done = 0;
  for (; done < operations; done += WRITES) {
    void *block = block_new(c->params->size);
    for (uint32_t i = 0; i < WRITES; i++) block_write(block, i & 7);
    block_delete(block);
  }
  return done;
}

static uint64_t run_cache_scratch(void *state, const struct context *c, uint64_t operations) {
  void *given = exchange(c, c->thread, NULL);
  if (given != NULL) block_delete(given);
  return run_cache_thrash(state, c, operations);
}

static void finish_scratch(void *state, const struct context *c) {
  (void)state;
  void *given = exchange(c, c->thread, NULL);
  if (given != NULL) block_delete(given);
}
const struct job_type JOBS[] = {
    {"pair", prepare_empty, run_pair, nothing_to_free},
    {"batch", prepare_empty, run_batch, nothing_to_free},
    {"many", prepare_empty, run_batch, nothing_to_free}, /* none of them has calls for many blocks */
    {"churn", prepare_full, run_churn, free_all},
    {"free-extents", prepare_holes, run_churn, finish_holes},
    {"alloc-test", prepare_empty, run_alloc_test, free_all},
    {"sh6bench", prepare_generations, run_sh6bench, free_generations},
    {"sh8bench", prepare_empty, run_sh8bench, finish_shared},
    {"ring", prepare_empty, run_ring, nothing_to_free},
    {"mstress", prepare_empty, run_mstress, finish_shared},
    {"rptest", prepare_full, run_rptest, finish_shared},
    {"cache-scratch", prepare_scratch, run_cache_scratch, finish_scratch},
    {"cache-thrash", prepare_empty, run_cache_thrash, nothing_to_free},
    {NULL, NULL, NULL, NULL},
};
