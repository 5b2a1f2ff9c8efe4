/*
 * What the runner and the workloads share. A job is one thread's part of a workload: prepared once, run many times with
 * a count of operations, finished once. The jobs exist twice: as they are timed, and with blocks whose contents are
 * verified.
 */
#ifndef JOB_H
#define JOB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { SHARED_WORDS = 16384 };

struct params {
  uint32_t slots, size, low, span, unit, doublings, batch, holes, seed;
  /** Of a measure that starts some; a job's are in its context. */
  uint32_t threads;
  size_t pool_bytes;
  const char *dir;
};

struct context {
  const struct params *params;
  uint32_t thread, threads;
  /** For handing blocks over; zero when the threads are prepared. */
  _Atomic(uintptr_t) *shared;
};

/** run: counted operations that were done. */
struct job_type {
  const char *name;
  void *(*prepare)(const struct context *);
  uint64_t (*run)(void *state, const struct context *, uint64_t operations);
  void (*finish)(void *state, const struct context *);
};

extern const struct job_type plain_jobs[], verified_jobs[];

/** Zeroed memory of the bench's own, which never comes from the allocator under test. */
void *bench_memory(size_t bytes);

/** Prints the error as a reply and ends the program. */
_Noreturn void fail(const char *format, ...);

#endif
