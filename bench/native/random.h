/* The same numbers as workloads/random.ts: a 32-bit linear congruential generator, used from its upper bits. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

static inline uint32_t next(uint32_t x) { return x * 1664525u + 1013904223u; }

static inline uint32_t below(uint32_t x, uint32_t n) {
  return n <= 0x10000 ? ((x >> 16) * n) >> 16 : (uint32_t)(((uint64_t)x * n) >> 32);
}

/** Log-uniform in steps: a random one of `doublings` doublings from `lowest`, a power of two, and uniform within it. */
static inline uint32_t log_uniform(uint32_t x, uint32_t lowest, uint32_t doublings) {
  uint32_t base = lowest << below(x, doublings);
  return base + ((x >> 8) & (base - 1));
}

static inline uint32_t small_size(uint32_t x) { return log_uniform(x, 16, 6); }

static inline uint32_t seed_of(uint32_t seed, uint32_t thread) { return next(seed + thread * 2654435761u); }

#endif
