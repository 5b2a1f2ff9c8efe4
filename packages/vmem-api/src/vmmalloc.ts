// libvmmalloc(7) by its C names, with C's semantics: functions return NULL (0) and set errno, and none throws a `VmemError`.
// All blocks are in the process's one pool, which VMMALLOC_POOL_DIR and VMMALLOC_POOL_SIZE describe. It is made at the
// first use, or when the thread that has loaded this starts a worker; where it can't be made, the first use ends the process.
//
// Load this in the main thread before workers are started: then it is one pool for all of them, and nothing has to be
// passed. See vmmalloc/process-share.ts.
//
// `export import` makes plain properties of the names; see libvmem.ts.

import * as lastError from './c/errno';
import * as size from './c/size';
import * as blocks from './vmmalloc/blocks';
import * as environment from './vmmalloc/environment';
import * as processPool from './vmmalloc/process-pool';

export import VMMALLOC_MIN_POOL = environment.VMMALLOC_MIN_POOL;
export import malloc = blocks.malloc;
export import free = blocks.free;
export import calloc = blocks.calloc;
export import realloc = blocks.realloc;
export import posix_memalign = blocks.posix_memalign;
export import aligned_alloc = blocks.aligned_alloc;
export import memalign = blocks.memalign;
export import valloc = blocks.valloc;
export import pvalloc = blocks.pvalloc;
export import malloc_usable_size = blocks.malloc_usable_size;
export import cfree = blocks.cfree;

export import pool = processPool.processPool;

export import errno = lastError.errno;
export import setErrno = lastError.setErrno;
export import errorMessage = lastError.errorMessage;
export import SIZE_MAX = size.SIZE_MAX;

export type { Out } from './c/out';
export type { Vmem } from './vmem';
