/**
 * Pools: the class `Vmem`, and the types that its methods take and return.
 *
 * @module vmem-api
 */

export {
  VmemError,
  type CheckProblem,
  type CheckReport,
  type ClassStats,
  type HeapStats,
  type LiveBlock,
  type PointerArray,
  type ThreadStats,
  type TypedArrayConstructor,
  type VmemErrorCode,
} from '@vmem-ts/allocator';
export type { BackendName } from './backends/backend';
export type { BackendChoice } from './backends/choose';
export type { ForkProgress } from './fork/copy';
export type { ForkMode, ForkedPools, PoolForkOptions } from './fork/options';
export type { VmemHandle } from './pool/handle';
export type { PoolInfo } from './pool/info';
export { VMEM_MIN_POOL } from './pool/limits';
export type { VmemOptions } from './pool/options';
export { Vmem, type VmemForkOptions, type VmemRegion } from './vmem';
