// memkind(3) and memkind_pmem(3) by their C names, with C's semantics: functions return a pointer, NULL (0 or null) or a
// MEMKIND_ERROR code and set errno, and none throws a `VmemError`. The class `PmemKind` is the same for TypeScript people.
//
// `export import` makes plain properties of the names, which V8 inlines where `export from` would make accessors.

import * as lastError from './c/errno';
import * as size from './c/size';
import * as codes from './memkind/codes';
import * as staticKinds from './memkind/static-kinds';
import * as config from './memkind/config';
import * as management from './memkind/management';
import * as capabilities from './memkind/capabilities';
import * as handles from './memkind/handles';
import * as heap from './memkind/heap';
import * as statistics from './memkind/statistics';
import * as dax from './memkind/dax';
import * as operations from './memkind/pmem-operations';
import * as pmemKind from './memkind/pmem-kind';

export import MEMKIND_SUCCESS = codes.MEMKIND_SUCCESS;
export import MEMKIND_ERROR_UNAVAILABLE = codes.MEMKIND_ERROR_UNAVAILABLE;
export import MEMKIND_ERROR_MBIND = codes.MEMKIND_ERROR_MBIND;
export import MEMKIND_ERROR_MMAP = codes.MEMKIND_ERROR_MMAP;
export import MEMKIND_ERROR_MALLOC = codes.MEMKIND_ERROR_MALLOC;
export import MEMKIND_ERROR_ENVIRON = codes.MEMKIND_ERROR_ENVIRON;
export import MEMKIND_ERROR_INVALID = codes.MEMKIND_ERROR_INVALID;
export import MEMKIND_ERROR_TOOMANY = codes.MEMKIND_ERROR_TOOMANY;
export import MEMKIND_ERROR_BADOPS = codes.MEMKIND_ERROR_BADOPS;
export import MEMKIND_ERROR_HUGETLB = codes.MEMKIND_ERROR_HUGETLB;
export import MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE = codes.MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE;
export import MEMKIND_ERROR_OPERATION_FAILED = codes.MEMKIND_ERROR_OPERATION_FAILED;
export import MEMKIND_ERROR_ARENAS_CREATE = codes.MEMKIND_ERROR_ARENAS_CREATE;
export import MEMKIND_ERROR_RUNTIME = codes.MEMKIND_ERROR_RUNTIME;
export import MEMKIND_MAX_KIND = codes.MEMKIND_MAX_KIND;
export import MEMKIND_ERROR_MESSAGE_SIZE = codes.MEMKIND_ERROR_MESSAGE_SIZE;
export import MEMKIND_PMEM_MIN_SIZE = codes.MEMKIND_PMEM_MIN_SIZE;
export import MEMKIND_PMEM_CHUNK_SIZE = codes.MEMKIND_PMEM_CHUNK_SIZE;
export import MEMKIND_MEMTYPE_DEFAULT = codes.MEMKIND_MEMTYPE_DEFAULT;
export import MEMKIND_MEMTYPE_HIGH_BANDWIDTH = codes.MEMKIND_MEMTYPE_HIGH_BANDWIDTH;
export import MEMKIND_POLICY_BIND_LOCAL = codes.MEMKIND_POLICY_BIND_LOCAL;
export import MEMKIND_POLICY_BIND_ALL = codes.MEMKIND_POLICY_BIND_ALL;
export import MEMKIND_POLICY_PREFERRED_LOCAL = codes.MEMKIND_POLICY_PREFERRED_LOCAL;
export import MEMKIND_POLICY_INTERLEAVE_LOCAL = codes.MEMKIND_POLICY_INTERLEAVE_LOCAL;
export import MEMKIND_POLICY_INTERLEAVE_ALL = codes.MEMKIND_POLICY_INTERLEAVE_ALL;
export import MEMKIND_POLICY_MAX_VALUE = codes.MEMKIND_POLICY_MAX_VALUE;
export import MEMKIND_MASK_PAGE_SIZE_2MB = codes.MEMKIND_MASK_PAGE_SIZE_2MB;
export import MEMKIND_MEM_USAGE_POLICY_DEFAULT = codes.MEMKIND_MEM_USAGE_POLICY_DEFAULT;
export import MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE = codes.MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE;
export import MEMKIND_MEM_USAGE_POLICY_MAX_VALUE = codes.MEMKIND_MEM_USAGE_POLICY_MAX_VALUE;
export import MEMKIND_STAT_TYPE_RESIDENT = codes.MEMKIND_STAT_TYPE_RESIDENT;
export import MEMKIND_STAT_TYPE_ACTIVE = codes.MEMKIND_STAT_TYPE_ACTIVE;
export import MEMKIND_STAT_TYPE_ALLOCATED = codes.MEMKIND_STAT_TYPE_ALLOCATED;
export import MEMKIND_STAT_TYPE_MAX_VALUE = codes.MEMKIND_STAT_TYPE_MAX_VALUE;
export import MEMKIND_STAT_PRINT_ALL = codes.MEMKIND_STAT_PRINT_ALL;
export import MEMKIND_STAT_PRINT_JSON_FORMAT = codes.MEMKIND_STAT_PRINT_JSON_FORMAT;
export import MEMKIND_STAT_PRINT_OMIT_GENERAL = codes.MEMKIND_STAT_PRINT_OMIT_GENERAL;
export import MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA = codes.MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA;
export import MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA = codes.MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA;
export import MEMKIND_STAT_PRINT_OMIT_PER_ARENA = codes.MEMKIND_STAT_PRINT_OMIT_PER_ARENA;
export import MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS = codes.MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS;
export import MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE = codes.MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE;
export import MEMKIND_STAT_PRINT_OMIT_MUTEX = codes.MEMKIND_STAT_PRINT_OMIT_MUTEX;
export import MEMKIND_STAT_PRINT_OMIT_EXTENT = codes.MEMKIND_STAT_PRINT_OMIT_EXTENT;
export import MAP_FAILED = codes.MAP_FAILED;
export import MAP_SHARED = codes.MAP_SHARED;
export import memkind_error_message = codes.memkind_error_message;
export import memkind_get_version = codes.memkind_get_version;

export import MEMKIND_DEFAULT = staticKinds.MEMKIND_DEFAULT;
export import MEMKIND_REGULAR = staticKinds.MEMKIND_REGULAR;
export import MEMKIND_HUGETLB = staticKinds.MEMKIND_HUGETLB;
export import MEMKIND_INTERLEAVE = staticKinds.MEMKIND_INTERLEAVE;
export import MEMKIND_HBW = staticKinds.MEMKIND_HBW;
export import MEMKIND_HBW_ALL = staticKinds.MEMKIND_HBW_ALL;
export import MEMKIND_HBW_PREFERRED = staticKinds.MEMKIND_HBW_PREFERRED;
export import MEMKIND_HBW_HUGETLB = staticKinds.MEMKIND_HBW_HUGETLB;
export import MEMKIND_HBW_ALL_HUGETLB = staticKinds.MEMKIND_HBW_ALL_HUGETLB;
export import MEMKIND_HBW_PREFERRED_HUGETLB = staticKinds.MEMKIND_HBW_PREFERRED_HUGETLB;
export import MEMKIND_HBW_INTERLEAVE = staticKinds.MEMKIND_HBW_INTERLEAVE;
export import MEMKIND_DAX_KMEM = staticKinds.MEMKIND_DAX_KMEM;
export import MEMKIND_DAX_KMEM_ALL = staticKinds.MEMKIND_DAX_KMEM_ALL;
export import MEMKIND_DAX_KMEM_PREFERRED = staticKinds.MEMKIND_DAX_KMEM_PREFERRED;
export import MEMKIND_DAX_KMEM_INTERLEAVE = staticKinds.MEMKIND_DAX_KMEM_INTERLEAVE;
export import MEMKIND_HIGHEST_CAPACITY = staticKinds.MEMKIND_HIGHEST_CAPACITY;
export import MEMKIND_HIGHEST_CAPACITY_PREFERRED = staticKinds.MEMKIND_HIGHEST_CAPACITY_PREFERRED;
export import MEMKIND_HIGHEST_CAPACITY_LOCAL = staticKinds.MEMKIND_HIGHEST_CAPACITY_LOCAL;
export import MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED = staticKinds.MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED;
export import MEMKIND_LOWEST_LATENCY_LOCAL = staticKinds.MEMKIND_LOWEST_LATENCY_LOCAL;
export import MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED = staticKinds.MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED;
export import MEMKIND_HIGHEST_BANDWIDTH_LOCAL = staticKinds.MEMKIND_HIGHEST_BANDWIDTH_LOCAL;
export import MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED = staticKinds.MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED;

export import memkind_config_new = config.memkind_config_new;
export import memkind_config_delete = config.memkind_config_delete;
export import memkind_config_set_path = config.memkind_config_set_path;
export import memkind_config_set_size = config.memkind_config_set_size;
export import memkind_config_set_memory_usage_policy = config.memkind_config_set_memory_usage_policy;

export import memkind_create_pmem = management.memkind_create_pmem;
export import memkind_create_pmem_with_config = management.memkind_create_pmem_with_config;
export import memkind_create_kind = capabilities.memkind_create_kind;
export import memkind_create_fixed = management.memkind_create_fixed;
export import memkind_destroy_kind = management.memkind_destroy_kind;
export import memkind_attach = management.memkind_attach;
export import memkind_detach = management.memkind_detach;
export import memkind_check_available = management.memkind_check_available;
export import memkind_get_capacity = management.memkind_get_capacity;
export import memkind_set_allow_zero_allocs = management.memkind_set_allow_zero_allocs;
export import memkind_set_bg_threads = management.memkind_set_bg_threads;

export import memkind_detect_kind = handles.memkind_detect_kind;

export import memkind_malloc = heap.memkind_malloc;
export import memkind_calloc = heap.memkind_calloc;
export import memkind_posix_memalign = heap.memkind_posix_memalign;
export import memkind_realloc = heap.memkind_realloc;
export import memkind_free = heap.memkind_free;
export import memkind_malloc_usable_size = heap.memkind_malloc_usable_size;
export import memkind_defrag_reallocate = heap.memkind_defrag_reallocate;
export import memkind_view = heap.memkind_view;

export import memkind_update_cached_stats = statistics.memkind_update_cached_stats;
export import memkind_get_stat = statistics.memkind_get_stat;
export import memkind_stats_print = statistics.memkind_stats_print;

export import memkind_pmem_validate_dir = dax.memkind_pmem_validate_dir;
export import memkind_check_dax_path = dax.memkind_check_dax_path;

export import MEMKIND_PMEM_OPS = operations.MEMKIND_PMEM_OPS;
export import memkind_pmem_create = operations.memkind_pmem_create;
export import memkind_pmem_destroy = operations.memkind_pmem_destroy;
export import memkind_pmem_mmap = operations.memkind_pmem_mmap;
export import memkind_pmem_get_mmap_flags = operations.memkind_pmem_get_mmap_flags;

export import PmemKind = pmemKind.PmemKind;

export import errno = lastError.errno;
export import setErrno = lastError.setErrno;
export import SIZE_MAX = size.SIZE_MAX;

export type { StaticKind } from './memkind/static-kinds';
export type { MemkindConfig } from './memkind/config';
export type { memkind_t } from './memkind/handles';
export type { PmemKindHandle, PmemPolicy } from './memkind/pmem-kind';
export type { PmemKindPlace } from './memkind/pmem-operations';
export type { Out } from './c/out';
