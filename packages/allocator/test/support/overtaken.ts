// Two threads played on one: the slow one stops before a chosen write, the fast one acts meanwhile, the slow one
// goes on. Where the fast one would have to wait for the slow one, it is thrown out of its operation, as by any
// exception at that place, and does it again when the slow one is through.

import type { Heap, ThreadHost } from '@vmem-ts/allocator';
import { FakeThreads } from './fake-threads';
import { MortalThread } from './mortal-thread';

const FAST = 11;
const SLOW = 22;

class WouldWait extends Error {}

/** What a thread does, one call after the other; a call that was thrown out of is made again. */
export type Steps = readonly (() => void)[];

export class OvertakenThread {
  readonly threads: FakeThreads;
  readonly thread: MortalThread;
  readonly host: ThreadHost;
  /** True if the last overtaking thread had to wait. */
  waited = false;
  /** True while the slow thread is inside an operation. */
  isRunning = false;

  constructor(hasBarrier: boolean) {
    this.threads = new FakeThreads(hasBarrier);
    this.thread = new MortalThread(this.threads.hostOf(SLOW));
    this.host = this.threads.hostOf(FAST);
  }

  attach(handle: Heap['handle']): Heap {
    let heap: Heap | undefined;
    this.thread.run(() => (heap = this.thread.attach(handle)));
    return heap!;
  }

  /** Runs `slow`; before its write `at` the other thread does `fast`. False if `slow` has no such write. */
  overtake(slow: () => void, at: number, fast: Steps): boolean {
    let done = 0;
    let reached = false;
    this.waited = false;
    this.isRunning = true;
    const go = (): void => {
      for (; done < fast.length; done++) fast[done]();
    };
    this.thread.runWith(
      () => {
        reached = true;
        this.waited = !withoutSleep(go);
      },
      at,
      slow,
    );
    this.isRunning = false;
    go();
    return reached;
  }
}

/** Runs `action`; false if it would wait for the slow thread. */
function withoutSleep(action: () => void): boolean {
  const { wait } = Atomics;
  Atomics.wait = () => {
    throw new WouldWait();
  };
  try {
    action();
    return true;
  } catch (error) {
    if (!(error instanceof WouldWait)) throw error;
    return false;
  } finally {
    Atomics.wait = wait;
  }
}
