// What `Heap.create` and `Heap.attach` take.

import type { PageSource } from '../extent/page-source';
import type { ThreadHost } from './thread-host';

/** Memory that a heap can be made in. Threads share it only if it is shared memory. */
export type HeapMemory = SharedArrayBuffer | ArrayBuffer | ArrayBufferView;

/** How a heap is made, all of it optional. */
export interface HeapOptions {
  /** Threads that can be attached at once, 1 to 127; default 127. */
  readonly threads?: number;
  /** Bytes that a thread may cache of one size class, 64 to 1 MiB; default 1/1024 of the region, 4 to 64 KiB. */
  readonly cacheBytes?: number;
  /** The memory is known to be all zeros, as that of a new file is: it need not be wiped. */
  readonly zeroed?: boolean;
  /**
   * Bytes that the heap begins with; default and at most all of the memory. It grows up to that as it needs to, with
   * the storage that `source` gives it; the memory is all zeros then.
   */
  readonly size?: number;
  /** Gives pages storage and takes it away; see `PageSource`. */
  readonly source?: PageSource;
  /**
   * What happens to free pages: by `default` they keep their storage until `purge`; `conservative` gives it back when
   * 256 KiB and more in a row have become free, and grows by 256 KiB, or by what a request needs if that is more.
   */
  readonly policy?: 'default' | 'conservative';
  /** Tells living threads from dead ones; see `ThreadHost`. */
  readonly host?: ThreadHost;
}

/** What another thread needs to attach; can be posted to it. */
export interface HeapHandle {
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly byteOffset: number;
  readonly size: number;
  readonly id: readonly [number, number];
}
