/* How each allocator is opened, named, and recognized. */
#define _GNU_SOURCE
#include "allocators.h"
#include <errno.h>

static char text[256];

/** The file of the library that a function comes from. */
static const char *library_of(void *function) {
  Dl_info info;
  return dladdr(function, &info) != 0 && info.dli_fname != NULL ? info.dli_fname : "unknown";
}

/** Whether `malloc` itself is the one of a library whose file name contains `name`. */
static const char *wrong_library(const char *name) {
  if (strstr(library_of((void *)malloc), name) != NULL && strstr(library_of((void *)free), name) != NULL) return NULL;
  snprintf(text, sizeof text, "malloc comes from %s, not from %s", library_of((void *)malloc), name);
  return text;
}

#if defined(ALLOCATOR_GLIBC)
#include <gnu/libc-version.h>
#include <malloc.h>

const char *heap_version(void) { return gnu_get_libc_version(); }

const char *heap_library(void) { return library_of((void *)malloc); }

const char *heap_proof(void) {
  const char *wrong = wrong_library("libc.so");
  size_t before = mallinfo2().uordblks;
  void *volatile block = malloc(100000);
  size_t after = mallinfo2().uordblks;
  free(block);
  return wrong != NULL ? wrong : after >= before + 100000 ? NULL : "mallinfo2 does not count the block";
}

#elif defined(ALLOCATOR_JEMALLOC)
#include <jemalloc/jemalloc.h>

const char *heap_version(void) {
  const char *version = "unknown";
  size_t length = sizeof version;
  mallctl("version", &version, &length, NULL, 0);
  return version;
}

const char *heap_library(void) { return library_of((void *)malloc); }

const char *heap_proof(void) {
  const char *wrong = wrong_library("libjemalloc");
  uint64_t before = 0, after = 0;
  size_t length = sizeof before;
  mallctl("thread.allocated", &before, &length, NULL, 0);
  void *volatile block = malloc(100000);
  mallctl("thread.allocated", &after, &length, NULL, 0);
  free(block);
  return wrong != NULL ? wrong : after >= before + 100000 ? NULL : "thread.allocated does not count the block";
}

#elif defined(ALLOCATOR_MIMALLOC)
#include <mimalloc.h>

const char *heap_version(void) {
  static char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", mi_version() / 100, mi_version() / 10 % 10, mi_version() % 10);
  return version;
}

const char *heap_library(void) { return library_of((void *)malloc); }

const char *heap_proof(void) {
  const char *wrong = wrong_library("libmimalloc");
  void *volatile block = malloc(100000);
  int inside = mi_is_in_heap_region(block);
  free(block);
  return wrong != NULL ? wrong : inside ? NULL : "the block is in none of mimalloc's regions";
}

#elif defined(ALLOCATOR_TCMALLOC)
#include <gperftools/malloc_extension_c.h>
#include <gperftools/tcmalloc.h>

const char *heap_version(void) {
  int major, minor;
  const char *patch;
  static char version[48];
  tc_version(&major, &minor, &patch);
  snprintf(version, sizeof version, "%d.%d%s", major, minor, patch);
  return version;
}

const char *heap_library(void) { return library_of((void *)malloc); }

const char *heap_proof(void) {
  const char *wrong = wrong_library("libtcmalloc");
  void *volatile block = malloc(100000);
  int owned = MallocExtension_GetOwnership(block) == MallocExtension_kOwned;
  free(block);
  return wrong != NULL ? wrong : owned ? NULL : "tcmalloc does not own the block";
}

#elif defined(ALLOCATOR_MEMKIND)

struct memkind *heap_pool;

const char *heap_version(void) {
  static char version[32];
  int number = memkind_get_version();
  snprintf(version, sizeof version, "%d.%d.%d", number / 1000000, number / 1000 % 1000, number % 1000);
  return version;
}

const char *heap_library(void) { return library_of((void *)memkind_malloc); }

const char *heap_proof(void) {
  void *block = memkind_malloc(heap_pool, 100000);
  int inside = block != NULL && memkind_detect_kind(block) == heap_pool;
  memkind_free(heap_pool, block);
  (void)wrong_library;
  return inside ? NULL : "the block is not of the file's kind";
}

#elif defined(ALLOCATOR_LIBVMEM)

VMEM *heap_pool;

const char *heap_version(void) {
  static char version[32];
  snprintf(version, sizeof version, "%d.%d", VMEM_MAJOR_VERSION, VMEM_MINOR_VERSION);
  return version;
}

const char *heap_library(void) { return library_of((void *)vmem_malloc); }

const char *heap_proof(void) {
  void *block = vmem_malloc(heap_pool, 100000);
  int inside = block != NULL && vmem_malloc_usable_size(heap_pool, block) >= 100000;
  vmem_free(heap_pool, block);
  (void)wrong_library;
  return inside ? NULL : "the block is not of the pool";
}

#elif defined(ALLOCATOR_CONTROL)
#include "job.h"

__thread struct control control;
static size_t control_bytes;

void control_start(void) {
  control.mask = control_bytes - 1;
  control.memory = bench_memory(control_bytes + CONTROL_MARGIN);
}

const char *heap_version(void) { return __VERSION__; }

const char *heap_library(void) { return "none"; }

const char *heap_proof(void) {
  (void)library_of, (void)wrong_library;
  return NULL;
}

#else
#error "say which allocator: -DALLOCATOR_..."
#endif

int heap_open(const char *dir, size_t bytes, size_t slots) {
  (void)slots;
#if defined(ALLOCATOR_MEMKIND)
  int error = memkind_create_pmem(dir, bytes, &heap_pool);
  return error == 0 ? 0 : error < 0 ? EINVAL : error;
#elif defined(ALLOCATOR_LIBVMEM)
  heap_pool = vmem_create(dir, bytes);
  return heap_pool != NULL ? 0 : errno;
#elif defined(ALLOCATOR_CONTROL)
  (void)dir, (void)bytes;
  size_t blocks = CONTROL_BLOCKS_AT_LEAST;
  while (blocks < slots) blocks *= 2;
  control_bytes = blocks * CONTROL_BLOCK;
  return 0;
#else
  (void)dir, (void)bytes;
  return 0;
#endif
}

void heap_close(void) {
#if defined(ALLOCATOR_MEMKIND)
  memkind_destroy_kind(heap_pool);
#elif defined(ALLOCATOR_LIBVMEM)
  vmem_delete(heap_pool);
#endif
}
