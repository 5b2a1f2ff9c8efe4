// A lock of two words: | owner: 0, or the token of the thread that has it | 1: somebody may sleep for it |
//
// The owner is in the word, so the lock of a dead thread can be recognised and taken over; what it protects is
// then put right by the taker (`Repair`). Release is a plain store where the machine keeps stores in order: V8
// does not stop a thread in a straight line of them, so many deaths find the lock free.
//
// A critical section that an exception leaves (a stack overflow can strike at any call) is half done, too. Its
// thread lives on, so it says so itself: `ABANDONED`, by a plain store in the `catch`, which needs no stack. `during` is
// that `try` and `catch`: where several locks are held, each has its own.
//
// Order: backing, standstill, gates of slots (ascending), bins (ascending), extents. A thread that holds one takes only
// those behind it.
//
// [LOCK-1] The owner word is 0, ABANDONED, or the token of a slot in use.

import { VmemError } from '../base/errors';
import { storeRelease } from './platform';
import { waitWhile } from './wait';

/** What the owner of a lock leaves in it when an exception throws it out of its critical section. */
export const ABANDONED = -1;

/** Plain loads before sleeping: longer than a critical section, shorter than a time slice. */
const SPINS = 300;
/** A sleeper looks again after so long; a wake-up can be missed, since release does not fence. */
const SLEEP_MS = 1;
/** Sleeps between two questions whether the owner still lives. */
const SLEEPS_PER_INQUIRY = 8;
/** Longer than a thread is off its processor for, unless the machine is busy. */
const SLEEPS_PER_REMINDER = 64;

/**
 * Asked about an owner that does not let go: must return true, and only then, if that thread is gone for good. Unless it may
 * `inquire`, what is known of the thread will do.
 */
export type IsGone = (owner: number, inquire: boolean) => boolean;
/** Restores what the lock at word `at` protects after its owner died or abandoned it; runs with the lock held. */
export type Repair = (at: number) => void;
/** What a heap does about threads that live on, but not in the call that took a lock. */
export interface Waiting {
  /** Called before this thread sleeps for the lock at word `at`. */
  beforeSleep(at: number): void;
  /** Called when the owner lives and this thread has slept for long, and again. */
  isLong(owner: number): void;
}
/** A heap, which may be deleted while a thread waits for one of its locks. */
export interface Closable {
  readonly isOpen: boolean;
}

const NO_LOCK = -1;

export class OwnedLocks {
  /** The lock for which this thread has woken another one last. */
  private lastWoken = NO_LOCK;

  /** @param me this thread's token: positive, and not used by any other thread before or after */
  constructor(
    private readonly i32: Int32Array,
    readonly me: number,
    private readonly isGone: IsGone,
    private readonly repair: Repair,
    private readonly waiting?: Waiting,
  ) {}

  /**
   * Runs `action` with the lock at word `at`. Whatever throws, `action`, taking the lock or letting go of it: if the lock is
   * this thread's then, it is left for repair. So an action may be done although this throws: who must know sets a
   * variable.
   *
   * A new function is dear at its first call, some 20 ns: what malloc and free of few blocks come to often, moves between
   * slabs and caches and blocks of whole pages, writes this out.
   *
   * @param heap must be open when the lock is taken
   * @throws VmemError ECLOSED if it is not
   */
  during<T>(at: number, action: () => T, heap?: Closable): T {
    try {
      this.lock(at, heap);
      const result = action();
      this.unlock(at);
      return result;
    } catch (error) {
      if (this.i32[at] === this.me) this.i32[at] = ABANDONED; // no call: the stack may be full
      throw error;
    }
  }

  /**
   * Takes the lock at word `at`; if its last owner died with it or abandoned it, what it protects is repaired first.
   * To be called inside a `try` whose `catch` does what that of `during` does.
   *
   * @throws VmemError ECLOSED if `heap` is given and not open; the lock is free then
   */
  lock(at: number, heap?: Closable): void {
    // acquires what the last owner wrote; partner: the store in `unlock`
    if (Atomics.compareExchange(this.i32, at, 0, this.me) !== 0) this.lockSlow(at);
    if (heap !== undefined && !heap.isOpen) {
      this.unlock(at);
      throw new VmemError('ECLOSED', 'the heap was deleted');
    }
  }

  unlock(at: number): void {
    // taken down here, so that a sleeper who died costs one notify; those who live put it up again
    const isSleptFor = this.i32[at + 1] !== 0;
    if (isSleptFor) this.i32[at + 1] = 0;
    // publishes all that was written under the lock; partner: the exchange in `lock`
    storeRelease(this.i32, at, 0);
    if (isSleptFor) this.wakeOne(at);
  }

  private wakeOne(at: number): void {
    if (Atomics.notify(this.i32, at, 1) > 0) this.lastWoken = at;
  }

  /** Lets the thread that `unlock` has woken, if it has, take the lock before this one takes it again. */
  giveWay(at: number): void {
    if (this.lastWoken !== at) return;
    this.lastWoken = NO_LOCK;
    waitWhile(this.i32, at, 0, SLEEP_MS);
  }

  /** True if this thread has the lock. */
  holds(at: number): boolean {
    return this.i32[at] === this.me;
  }

  /** The token in the lock's word, 0 if it is free. */
  owner(at: number): number {
    return this.i32[at];
  }

  /** Takes the lock over from a thread that is gone, if that still has it; the caller repairs and unlocks. */
  seize(at: number, gone: number): boolean {
    // acquires what that thread wrote before it died; it will not write again, and nobody has its token again
    return Atomics.compareExchange(this.i32, at, gone, this.me) === gone;
  }

  /** Frees the lock at word `at`, repaired, if the thread that is gone still has it. */
  inherit(at: number, gone: number): void {
    try {
      if (this.takeOver(at, gone)) this.unlock(at);
    } catch (error) {
      if (this.i32[at] === this.me) this.i32[at] = ABANDONED; // as in `during`
      throw error;
    }
  }

  private lockSlow(at: number): void {
    const { i32, me } = this;
    for (let spin = 0; spin < SPINS; spin++) {
      if (i32[at] === 0 && Atomics.compareExchange(i32, at, 0, me) === 0) return;
      if (i32[at] === ABANDONED && this.takeOver(at, ABANDONED)) return;
    }
    this.waiting?.beforeSleep(at);
    for (let sleeps = 1; ; sleeps++) {
      // Tells the owner to wake somebody. Who has slept takes the lock with this up, and so wakes the next one, if there is any;
      // if there is none, the worst is a needless notify. Partner: the load in `unlock`
      Atomics.store(i32, at + 1, 1);
      const owner = Atomics.compareExchange(i32, at, 0, me);
      if (owner === 0) return;
      // our own, too: an execution that was cut short (a timeout of node:vm) left it, for no call takes it twice
      // who is known to be dead may have left many locks: nobody waits for each of them anew
      const isLeft =
        owner === ABANDONED || owner === me || this.isGone(owner, sleeps % SLEEPS_PER_INQUIRY === 0);
      if (isLeft && this.takeOver(at, owner)) return;
      if (!isLeft && sleeps % SLEEPS_PER_REMINDER === 0) this.waiting?.isLong(owner);
      waitWhile(i32, at, owner, SLEEP_MS);
    }
  }

  private takeOver(at: number, from: number): boolean {
    if (!this.seize(at, from)) return false;
    this.repair(at);
    return true;
  }
}
