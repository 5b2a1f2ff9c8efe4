// Which of the test's threads live, in shared memory: a host for threads that are really killed.

import type { ThreadHost } from '@vmem-ts/allocator';

export class SharedCensus {
  constructor(readonly buffer = new SharedArrayBuffer(4096)) {}

  /** The host as thread `tid` (1 to 1000) sees it; it lives from now on. Nothing tells of a death. */
  hostOf(tid: number): ThreadHost {
    Atomics.store(new Int32Array(this.buffer), tid, 1);
    return {
      identity: () => ({ tid, startTime: tid }),
      isAlive: (thread) => Atomics.load(new Int32Array(this.buffer), thread.tid) === 1,
      onDeath: () => ({ cancel: () => undefined }),
    };
  }

  bury(tid: number): void {
    Atomics.store(new Int32Array(this.buffer), tid, 0);
  }
}
