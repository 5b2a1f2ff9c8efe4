// libvmem(3) by its C names, with C's semantics: functions return NULL (0 or null) or -1 and set errno, and none throws a
// `VmemError`. The class `Vmem` of '@vmem-ts/vmem-api' is the same for TypeScript people.
//
// errno is a function, since the value of a variable that is imported would not stay live everywhere; the numbers that it
// can return have their names in `os.constants.errno` of Node.

export { errno, setErrno } from './c/errno';
export { SIZE_MAX } from './c/size';
export type { PrintFunc } from './c/log';
export {
  VMEM_MAJOR_VERSION,
  VMEM_MINOR_VERSION,
  vmem_check_version,
  vmem_check_version as vmem_check_versionU,
  vmem_check_version as vmem_check_versionW,
  vmem_errormsg,
  vmem_errormsg as vmem_errormsgU,
  vmem_errormsg as vmem_errormsgW,
  vmem_set_funcs,
} from './libvmem/behaviour';
export {
  vmem_aligned_alloc,
  vmem_calloc,
  vmem_free,
  vmem_malloc,
  vmem_malloc_usable_size,
  vmem_realloc,
} from './libvmem/blocks';
export {
  vmem_attach,
  vmem_check,
  vmem_create,
  vmem_create as vmem_createU,
  vmem_create as vmem_createW,
  vmem_create_in_region,
  vmem_delete,
  vmem_detach,
  type VMEM,
} from './libvmem/pools';
export type { FreeFunc, MallocFunc, ReallocFunc, StrdupFunc } from './libvmem/side-memory';
export { vmem_stats_print } from './libvmem/statistics';
export { vmem_strdup, vmem_wcsdup } from './libvmem/strings';
export type { VmemHandle } from './pool/handle';
export { VMEM_MIN_POOL } from './pool/limits';
export type { VmemRegion } from './vmem';
