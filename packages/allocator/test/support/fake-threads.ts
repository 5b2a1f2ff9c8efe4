// An operating system for tests: threads with ids that die when the test says so, loudly (their death notes
// are carried out) or silently.

import type { DeathNote, ThreadHost } from '@vmem-ts/allocator';

interface Watch {
  readonly tid: number;
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly notes: readonly DeathNote[];
}

export class FakeThreads {
  private readonly dead = new Set<number>();
  private readonly watches = new Set<Watch>();

  /** @param hasBarrier false: a system that can't make other threads execute a fence */
  constructor(private readonly hasBarrier = true) {}

  /** The host as the thread `tid` sees it. */
  hostOf(tid: number, startTime = tid * 1000): ThreadHost {
    return {
      identity: () => ({ tid, startTime }),
      isAlive: (thread) => {
        const isSame = thread.startTime === undefined || thread.startTime === thread.tid * 1000;
        return isSame && !this.dead.has(thread.tid);
      },
      // all of them run on one real thread, which sees its own stores in order
      ...(this.hasBarrier ? { barrier: () => true } : {}),
      onDeath: (buffer, notes) => {
        const watch = { tid, buffer, notes };
        this.watches.add(watch);
        return { cancel: () => void this.watches.delete(watch) };
      },
    };
  }

  /** Death notes that wait for the death of `tid`. */
  watchesOf(tid: number): number {
    return [...this.watches].filter((watch) => watch.tid === tid).length;
  }

  /** What would be carried out if `tid` died now. */
  notesOf(tid: number): readonly DeathNote[] {
    return [...this.watches].filter((watch) => watch.tid === tid).flatMap(({ notes }) => notes);
  }

  get deadThreads(): readonly number[] {
    return [...this.dead];
  }

  /** The thread is gone and nothing tells it but a question. */
  killSilently(tid: number): void {
    this.dead.add(tid);
  }

  /** The thread dies and its death notes are carried out. */
  kill(tid: number): void {
    this.dead.add(tid);
    for (const watch of this.watches) {
      if (watch.tid !== tid) continue;
      this.watches.delete(watch);
      for (const { byteOffset, op, value } of watch.notes) {
        const word = new Int32Array(watch.buffer, byteOffset, 1);
        if (op === 'store') Atomics.store(word, 0, value);
        else Atomics.add(word, 0, value);
      }
    }
  }
}
