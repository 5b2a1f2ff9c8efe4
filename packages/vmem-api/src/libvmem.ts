// libvmem(3) by its C names, with C's semantics: functions return NULL (0 or null) or -1 and set errno, and none throws a
// `VmemError`. The class `Vmem` of '@vmem-ts/vmem-api' is the same for TypeScript people.
//
// errno is a function, since the value of a variable that is imported would not stay live everywhere; the numbers that it
// can return have their names in `os.constants.errno` of Node.
//
// `export import` makes plain properties of the names. `export from` would make accessors, through which V8 does not
// inline, and programs that are compiled to CommonJS make every call by a property of this module: a pair of vmem_malloc and
// vmem_free took 28 ns instead of 6.

import * as lastError from './c/errno';
import * as size from './c/size';
import * as behaviour from './libvmem/behaviour';
import * as blocks from './libvmem/blocks';
import * as pools from './libvmem/pools';
import * as statistics from './libvmem/statistics';
import * as strings from './libvmem/strings';
import * as limits from './pool/limits';

export import VMEM_MIN_POOL = limits.VMEM_MIN_POOL;
export import vmem_create = pools.vmem_create;
export import vmem_createU = pools.vmem_create;
export import vmem_createW = pools.vmem_create;
export import vmem_create_in_region = pools.vmem_create_in_region;
export import vmem_delete = pools.vmem_delete;
export import vmem_check = pools.vmem_check;
export import vmem_stats_print = statistics.vmem_stats_print;
export import vmem_attach = pools.vmem_attach;
export import vmem_detach = pools.vmem_detach;

export import vmem_malloc = blocks.vmem_malloc;
export import vmem_free = blocks.vmem_free;
export import vmem_calloc = blocks.vmem_calloc;
export import vmem_realloc = blocks.vmem_realloc;
export import vmem_aligned_alloc = blocks.vmem_aligned_alloc;
export import vmem_strdup = strings.vmem_strdup;
export import vmem_wcsdup = strings.vmem_wcsdup;
export import vmem_malloc_usable_size = blocks.vmem_malloc_usable_size;

export import VMEM_MAJOR_VERSION = behaviour.VMEM_MAJOR_VERSION;
export import VMEM_MINOR_VERSION = behaviour.VMEM_MINOR_VERSION;
export import vmem_check_version = behaviour.vmem_check_version;
export import vmem_check_versionU = behaviour.vmem_check_version;
export import vmem_check_versionW = behaviour.vmem_check_version;
export import vmem_set_funcs = behaviour.vmem_set_funcs;

export import vmem_errormsg = behaviour.vmem_errormsg;
export import vmem_errormsgU = behaviour.vmem_errormsg;
export import vmem_errormsgW = behaviour.vmem_errormsg;
export import errno = lastError.errno;
export import setErrno = lastError.setErrno;
export import SIZE_MAX = size.SIZE_MAX;

export type { PrintFunc } from './c/log';
export type { VMEM } from './libvmem/pools';
export type { FreeFunc, MallocFunc, ReallocFunc, StrdupFunc } from './libvmem/side-memory';
export type { VmemHandle } from './pool/handle';
export type { VmemRegion } from './vmem';
