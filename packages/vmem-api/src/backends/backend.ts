// Where a pool's memory comes from: one interface, one file for each source.

import type { PageSource } from '@vmem-ts/allocator';

/**
 * `overlay`: an unnamed file, or a DAX device, mapped under a SharedArrayBuffer by the native helper. `anonymous`: plain
 * shared memory, no file. `mmap-io`: an unnamed file that each thread maps for itself by the package of that name; such a
 * pool's memory is no SharedArrayBuffer, so `Atomics.wait` does not work on it. `region`: the caller's own memory.
 */
export type BackendName = 'overlay' | 'anonymous' | 'mmap-io' | 'region';

/** The memory of one pool as one thread has it. */
export interface PoolMemory {
  readonly backend: BackendName;
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly byteOffset: number;
  /** Bytes; of a pool that grows, what it can grow to. */
  readonly size: number;
  /** Gives pages storage and takes it away, where that can be done while the pool is in use. */
  readonly source?: PageSource;
  /** The file's descriptor, where there is a file; -1 elsewhere. */
  readonly fd: number;
  /** Tells the file from all others that exist, where there is one. */
  readonly file?: string;
  /** True if the file is mapped with MAP_SYNC. */
  readonly sync?: boolean;
  /** True if nothing but zeros has ever been in it when `create` returns. */
  readonly zeroed: boolean;
  /** True if `release` replaces it by zeros for all threads. */
  readonly vanishes: boolean;
  /**
   * Makes sure that the descriptor is that of the pool's file, while the calling thread is attached.
   * @throws VmemError EINVAL
   */
  confirm?(): void;
  /**
   * Gives memory and file back at once. Only the thread that closed the pool's heap calls this. Views of other
   * threads stay accessible.
   */
  release(): void;
  /** Gives back what this thread alone can: it has learnt that the pool was deleted, and is the last to use this. */
  leave(): void;
}

/** How a pool's memory ends. */
export type PoolMemoryLife = Pick<
  PoolMemory,
  'source' | 'zeroed' | 'vanishes' | 'confirm' | 'release' | 'leave'
>;

/** What another thread needs to get at the same memory. */
export interface MemoryShare {
  readonly buffer?: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly size: number;
  readonly fd: number;
  readonly file?: string;
  readonly sync?: boolean;
}

/** What another thread needs of memory that is in a file. */
export type FileShare = MemoryShare & Required<Pick<MemoryShare, 'file'>>;

/** How much of a device a pool takes. */
export interface DevicePart {
  /** Bytes at most, rounded up to the device's alignment. */
  readonly limit?: number | undefined;
  /** Refuses a device that is larger than what a pool can have here. */
  readonly whole: boolean;
}

export interface Backend {
  /** Why it can't work here, in words for a message; undefined if it can. */
  unavailable(): string | undefined;
  /**
   * Memory for a new pool of `size` bytes, a multiple of the page size, all zeros. If `maxSize` is more, the memory is of
   * that size and without storage: its `source` gives it some, from the beginning on.
   */
  create(dir: string, size: number, maxSize?: number): PoolMemory;
  /** A device as the memory of a new pool. It has its contents of before, and all its storage. */
  createOnDevice?(path: string, part: DevicePart): PoolMemory;
  /** The same memory in another thread. */
  attach(share: MemoryShare): PoolMemory;
}
