// The public names of memkind: the functions of memkind.h and memkind_pmem.h by their C names, and PmemKind.

export { errno, setErrno } from './c/errno';
export { SIZE_MAX } from './c/size';
export * from './memkind/codes';
export {
  memkind_config_delete,
  memkind_config_new,
  memkind_config_set_memory_usage_policy,
  memkind_config_set_path,
  memkind_config_set_size,
  type MemkindConfig,
} from './memkind/config';
export { memkind_check_dax_path, memkind_pmem_validate_dir } from './memkind/dax';
export { memkind_detect_kind, type memkind_t } from './memkind/handles';
export {
  memkind_calloc,
  memkind_defrag_reallocate,
  memkind_free,
  memkind_malloc,
  memkind_malloc_usable_size,
  memkind_posix_memalign,
  memkind_realloc,
  memkind_view,
} from './memkind/heap';
export {
  memkind_attach,
  memkind_check_available,
  memkind_create_fixed,
  memkind_create_pmem,
  memkind_create_pmem_with_config,
  memkind_destroy_kind,
  memkind_detach,
  memkind_get_capacity,
  memkind_set_allow_zero_allocs,
  memkind_set_bg_threads,
} from './memkind/management';
export type { Out } from './memkind/out';
export { PmemKind, type PmemKindHandle, type PmemPolicy } from './memkind/pmem-kind';
export {
  MEMKIND_PMEM_OPS,
  memkind_pmem_create,
  memkind_pmem_destroy,
  memkind_pmem_get_mmap_flags,
  memkind_pmem_mmap,
  type PmemKindPlace,
} from './memkind/pmem-operations';
export {
  MEMKIND_DAX_KMEM,
  MEMKIND_DAX_KMEM_ALL,
  MEMKIND_DAX_KMEM_INTERLEAVE,
  MEMKIND_DAX_KMEM_PREFERRED,
  MEMKIND_DEFAULT,
  MEMKIND_HBW,
  MEMKIND_HBW_ALL,
  MEMKIND_HBW_ALL_HUGETLB,
  MEMKIND_HBW_HUGETLB,
  MEMKIND_HBW_INTERLEAVE,
  MEMKIND_HBW_PREFERRED,
  MEMKIND_HBW_PREFERRED_HUGETLB,
  MEMKIND_HUGETLB,
  MEMKIND_INTERLEAVE,
  MEMKIND_REGULAR,
  type StaticKind,
} from './memkind/static-kinds';
export { memkind_get_stat, memkind_stats_print, memkind_update_cached_stats } from './memkind/statistics';
