/* Workloads that are measured as a whole, not by the operation: pools, space, fresh threads. */
#ifndef MEASURES_H
#define MEASURES_H

#include "job.h"

enum { VALUES_AT_MOST = 16 };

struct measure_type {
  const char *name;
  /** Only for allocators with pools of a fixed size, which it opens itself. */
  int needs_pool;
  /** Fills in values and returns how many there are; NAN: not applicable. */
  int (*measure)(const struct params *, double *values);
};

extern const struct measure_type measures[];

uint64_t now_ns(void);

/** For qsort of doubles. */
int ascending(const void *a, const void *b);

#endif
