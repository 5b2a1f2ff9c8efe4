// The package's public names.

export { accessor, answer, bufferLength, sharedLength, type Accessor } from './base/accessor';
export { VmemError, describe, type VmemErrorCode } from './base/errors';
export { readingFrom, requireObject } from './base/reading';
export { PAGE_SIZE } from './base/units';
export { MAX_REGION, MIN_REGION } from './layout/region';
export { MAX_SLOTS as MAX_THREADS } from './layout/block-state';
export type { PageSource } from './extent/page-source';
export { Heap } from './heap/heap';
export type { LiveBlock } from './heap/blocks';
export type { HeapHandle, HeapMemory, HeapOptions } from './heap/heap-options';
export type { RestingHeap, StorageState, StoredRange } from './heap/rest';
export type { CheckProblem, CheckReport } from './heap/check/report';
export type { ClassStats, HeapStats, ThreadStats } from './heap/stats';
export type { PointerArray } from './heap/pointer-arrays';
export type { DeathNote, ThreadHost, ThreadIdentity, ThreadWatch } from './heap/thread-host';
export type { TypedArrayConstructor } from './heap/typed-arrays';
