/*
 * One workload on one allocator, driven from stdin: `verify`, `warm MS`, `round MS`, `quit`; each is answered by one
 * line of JSON. The first line says which allocator this is. Usage: PROGRAM WORKLOAD micro|threads|measure key=value...
 */
#include "allocators.h"
#include "job.h"
#include "measures.h"
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_AT_MOST = 64, SAMPLES_AT_MOST = 20000, VERIFIED_OPERATIONS = 3000 };

static struct params params = {.slots = 1, .size = 64, .low = 16, .unit = 1, .doublings = 6, .batch = 1, .seed = 1};
static uint32_t threads = 1;
static _Atomic(uintptr_t) shared[SHARED_WORDS];

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void *bench_memory(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail("the bench itself is out of memory");
  return memory;
}

static void reply(const char *format, ...) {
  char line[2048];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(line, sizeof line - 1, format, list);
  va_end(list);
  line[length++] = '\n';
  if (write(STDOUT_FILENO, line, (size_t)length) < 0) _exit(1);
}

void fail(const char *format, ...) {
  char text[512];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  reply("{\"error\":\"%s\"}", text);
  _exit(0);
}

/* Threads: each waits at a barrier for an order, does it, and meets the others at the barrier again. */

enum order { PREPARE, RUN, FINISH, LEAVE };

static const struct job_type *job;
static enum order order;
static uint64_t operations;
static pthread_barrier_t released, done;

static struct {
  uint64_t end, count;
} __attribute__((aligned(64))) results[THREADS_AT_MOST];

static void *thread_main(void *argument) {
  struct context context = {&params, (uint32_t)(uintptr_t)argument, threads, shared};
  void *state = NULL;
  for (;;) {
    pthread_barrier_wait(&released);
    if (order == LEAVE) return NULL;
    if (order == PREPARE) state = job->prepare(&context);
    if (order == RUN) results[context.thread].count = job->run(state, &context, operations);
    if (order == FINISH) job->finish(state, &context);
    results[context.thread].end = now_ns();
    pthread_barrier_wait(&done);
  }
}

/** Wall time from release to the last thread's end; `count` gets the operations of all. */
static uint64_t give_order(enum order what, uint64_t *count) {
  order = what;
  uint64_t start = now_ns();
  pthread_barrier_wait(&released);
  if (what == LEAVE) return 0;
  pthread_barrier_wait(&done);
  uint64_t end = start;
  *count = 0;
  for (uint32_t i = 0; i < threads; i++) {
    if (results[i].end > end) end = results[i].end;
    *count += results[i].count;
  }
  return end - start;
}

static pthread_t handles[THREADS_AT_MOST];

static void start_threads(const struct job_type *type) {
  uint64_t count;
  job = type;
  memset(shared, 0, sizeof shared);
  pthread_barrier_init(&released, NULL, threads + 1);
  pthread_barrier_init(&done, NULL, threads + 1);
  for (uint32_t i = 0; i < threads; i++) {
    if (pthread_create(&handles[i], NULL, thread_main, (void *)(uintptr_t)i) != 0) fail("no thread can be started");
  }
  give_order(PREPARE, &count);
}

static void stop_threads(void) {
  uint64_t count;
  give_order(FINISH, &count);
  give_order(LEAVE, &count);
  for (uint32_t i = 0; i < threads; i++) pthread_join(handles[i], NULL);
}

/* Running for a time */

enum kind { MICRO, THREADS, MEASURE };

static enum kind kind;
static const struct measure_type *measure;
static int started;
static struct context micro_context = {&params, 0, 1, shared};
static void *micro_state;

static uint64_t timed(uint64_t wanted, uint64_t *count) {
  if (kind == THREADS) {
    operations = wanted;
    return give_order(RUN, count);
  }
  uint64_t start = now_ns();
  *count = job->run(micro_state, &micro_context, wanted);
  return now_ns() - start;
}

int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double mean_of(const double *values, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += values[i];
  return sum / count;
}

static double samples[VALUES_AT_MOST][SAMPLES_AT_MOST];

/** Calibrates to samples of about `sample_ns`, then takes them until the time is over. Values: ns per operation. */
static void run_for(uint64_t ns, uint64_t sample_ns) {
  static uint64_t calibrated = 16;
  uint64_t begin = now_ns(), elapsed, count;
  int taken = 0;
  while ((elapsed = timed(calibrated, &count)) < sample_ns / 2) calibrated *= 2;
  do {
    elapsed = timed(calibrated, &count);
    samples[0][taken++] = (double)elapsed / (double)count;
  } while (now_ns() - begin < ns && taken < SAMPLES_AT_MOST);
  qsort(samples[0], (size_t)taken, sizeof(double), ascending);
  reply("{\"values\":[[%.6g,%.6g,%.6g]]}", samples[0][taken / 2], samples[0][0], mean_of(samples[0], taken));
}

static void measure_for(uint64_t ns) {
  uint64_t begin = now_ns();
  int taken = 0, series = 0;
  do {
    double values[VALUES_AT_MOST];
    series = measure->measure(&params, values);
    for (int i = 0; i < series; i++) samples[i][taken] = values[i];
    taken++;
  } while (now_ns() - begin < ns && taken < SAMPLES_AT_MOST);
  char line[2048] = "";
  size_t length = 0;
  for (int i = 0; i < series; i++) {
    qsort(samples[i], (size_t)taken, sizeof(double), ascending);
    double median = samples[i][taken / 2];
    const char *comma = i == 0 ? "" : ",";
    if (isnan(median)) length += (size_t)snprintf(line + length, sizeof line - length, "%snull", comma);
    else
      length += (size_t)snprintf(line + length, sizeof line - length, "%s[%.6g,%.6g,%.6g]", comma, median, samples[i][0],
                                 mean_of(samples[i], taken));
  }
  reply("{\"values\":[%s]}", line);
}

static void open_heap(void) {
  int error = heap_open(params.dir, params.pool_bytes, params.slots);
  if (error != 0) fail("the pool cannot be made in %s: %s", params.dir, strerror(error));
}

static void verify_job(const struct job_type *type, struct params small, uint32_t team) {
  struct params whole = params;
  uint32_t whole_team = threads;
  uint64_t count;
  params = small;
  threads = team;
  start_threads(type);
  operations = VERIFIED_OPERATIONS;
  give_order(RUN, &count);
  give_order(RUN, &count);
  stop_threads();
  params = whole;
  threads = whole_team;
  memset(shared, 0, sizeof shared);
}

/** Sizes of all kinds, in place of a whole that has no verified twin. */
static void verify_measure(void) {
  struct params small = params;
  small.slots = 100, small.low = 16, small.span = 0, small.doublings = 15;
  const struct job_type *churn = verified_jobs;
  while (strcmp(churn->name, "churn") != 0) churn++;
  if (measure->needs_pool) open_heap();
  verify_job(churn, small, 1);
  if (measure->needs_pool) heap_close();
}

static void verify(void) {
  struct params small = params;
  if (small.slots > 1000) small.slots = 1000;
  if (small.holes > 100) small.holes = 100;
  if (!HEAP_HAS_BLOCKS) {
    /* Nothing to verify. */
  } else if (kind == MEASURE) {
    verify_measure();
  } else {
    const struct job_type *timed_job = job;
    verify_job(verified_jobs + (job - plain_jobs), small, threads);
    job = timed_job;
  }
  reply("{\"verified\":true}");
}

static void start(void) {
  if (started) return;
  started = 1;
  if (kind == THREADS) start_threads(job);
  if (kind == MICRO) micro_state = job->prepare(&micro_context);
}

static void read_parameter(char *text) {
  char *value = strchr(text, '=');
  if (value == NULL) fail("'%s' is no parameter", text);
  *value++ = '\0';
  unsigned long long number = strtoull(value, NULL, 10);

  const struct {
    const char *name;
    uint32_t *field;
  } fields[] = {
      {"slots", &params.slots}, {"size", &params.size},   {"low", &params.low},
      {"span", &params.span},   {"unit", &params.unit},   {"doublings", &params.doublings},
      {"batch", &params.batch}, {"holes", &params.holes}, {"seed", &params.seed},
      {"threads", &threads},
  };

  if (strcmp(text, "poolBytes") == 0) params.pool_bytes = number;
  else if (strcmp(text, "dir") == 0) params.dir = value;
  else {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
      if (strcmp(text, fields[i].name) == 0) {
        *fields[i].field = (uint32_t)number;
        return;
      }
    }
    fail("there is no parameter '%s'", text);
  }
}

static void find_workload(const char *name) {
  if (kind == MEASURE) {
    for (measure = measures; measure->name != NULL && strcmp(measure->name, name) != 0;) measure++;
    if (measure->name == NULL) fail("there is no measure '%s'", name);
    if (measure->needs_pool && !HEAP_HAS_POOL) fail("it has no pools of a fixed size");
  } else {
    for (job = plain_jobs; job->name != NULL && strcmp(job->name, name) != 0;) job++;
    if (job->name == NULL) fail("there is no workload '%s'", name);
  }
}

int main(int count, char **arguments) {
  if (count < 3) fail("usage: WORKLOAD micro|threads|measure key=value...");
  kind = strcmp(arguments[2], "micro") == 0 ? MICRO : strcmp(arguments[2], "threads") == 0 ? THREADS : MEASURE;
  for (int i = 3; i < count; i++) read_parameter(arguments[i]);
  if (threads < 1 || threads > THREADS_AT_MOST) fail("%u threads are not possible", threads);
  params.threads = threads;
  find_workload(arguments[1]);
  int opens = kind != MEASURE || !measure->needs_pool;
  if (opens || HEAP_HAS_POOL) {
    open_heap();
    const char *wrong = heap_proof();
    if (wrong != NULL) fail("%s", wrong);
    if (!opens) heap_close();
  }
  reply("{\"version\":\"%s\",\"library\":\"%s\"}", heap_version(), heap_library());
  for (char line[64]; fgets(line, sizeof line, stdin) != NULL;) {
    uint64_t ns = 0;
    char *number = strchr(line, ' ');
    if (number != NULL) ns = strtoull(number, NULL, 10) * 1000000u;
    if (strncmp(line, "quit", 4) == 0) break;
    if (strncmp(line, "verify", 6) == 0) {
      verify();
      continue;
    }
    start();
    if (kind == MEASURE) measure_for(ns);
    else run_for(ns, kind == MICRO ? 1000000 : ns / 2);
  }
  if (started && kind == THREADS) stop_threads();
  if (started && kind == MICRO) job->finish(micro_state, &micro_context);
  if (opens) heap_close();
  return 0;
}
