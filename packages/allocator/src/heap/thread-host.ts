// What a heap needs to know of the threads that use it and can't find out in pure TypeScript. Without a host
// the heap works, but it can't tell that a thread has died without `detach`.

/** Names one thread of the machine for ever: ids are reused, ids with start times are not. */
export interface ThreadIdentity {
  readonly tid: number;
  readonly startTime: number;
}

/** 32-bit words to change when a thread dies, by their byte offset in the buffer. */
export interface DeathNote {
  readonly byteOffset: number;
  readonly op: 'store' | 'add';
  readonly value: number;
}

/** Notes that are carried out when a thread dies. */
export interface ThreadWatch {
  /** They are not any more. */
  cancel(): void;
}

/** Implemented over the operating system by whoever makes the region. */
export interface ThreadHost {
  /** The calling thread. `tid` is positive and below 2^31 - 1. */
  identity(): ThreadIdentity;
  /** Without a start time: whether any thread has that id. */
  isAlive(thread: Pick<ThreadIdentity, 'tid'> & Partial<ThreadIdentity>): boolean;
  /** Has `notes` carried out when the calling thread dies, however it dies, unless cancelled before. */
  onDeath(buffer: SharedArrayBuffer | ArrayBuffer, notes: readonly DeathNote[]): ThreadWatch;
  /**
   * Has every other thread of the process that is running execute a full memory fence before it returns, as
   * membarrier(2) does; false if the system can't. Without it, free() uses an atomic operation where several threads
   * are attached.
   */
  barrier?(): boolean;
}
