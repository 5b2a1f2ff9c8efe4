// Fast sections: the short stretches in which a thread works on its cache and on blocks with plain loads and stores.
// Its slot's `busy` word is 1 meanwhile. Who changes something that fast sections rely on (closes a gate, makes a
// slab's blocks shared, takes a slab's pages back) first stores the change, then waits here until every section
// that may not have seen it is over: a grace period, as in read-copy-update.
//
// The threads inside pay two plain stores and no fence. Instead the waiting side has the system run a fence on
// every processor that executes one of our threads (`ThreadHost.barrier`; membarrier(2) on Linux). After it, a thread either
// shows busy, or will see the change in its next section. Without a barrier we spin far longer than any
// processor keeps a store to itself. Where stores may overtake each other, the barrier runs once more, so that
// what was stored before `busy` became 0 is seen as well.
//
// Nothing inside a fast section waits, takes a lock or calls out, so the wait is as short as a section, unless the
// thread is off its processor or dies there.

import { VmemError } from '../base/errors';
import { Busy } from '../layout/region-layout';
import { STORES_IN_ORDER } from './platform';
import { waitWhile } from './wait';

/** A busy word's value while its thread is inside. */
const INSIDE: number = Busy.inside;
/** Loads of a busy word before sleeping: a section takes some nanoseconds. */
const SPINS = 300;
const SLEEP_MS = 1;
const SLEEPS_PER_INQUIRY = 8;
/** A processor drains a store in less than a hundredth of this; one that has switched threads has drained it. */
const SETTLING_MS = 0.05;

declare const performance: { now(): number }; // of Node and of browsers

/** The threads of a heap, as far as waiting for them goes. */
export interface SectionOwners {
  /** Words of the busy flags, one a slot. */
  readonly busyWords: Int32Array;
  /** True if a living thread may be in the slot, the caller among them. */
  mayRun(slot: number): boolean;
  /** True if the slot's thread is gone for good; asks the system. */
  isDead(slot: number): boolean;
}

/** How often the slots are looked through to know whether a thread is alone. */
const CALLS_PER_LOOK = 32;

export class FastSections {
  private isAlone = false;
  private callsToLook = 0;

  constructor(
    private readonly i32: Int32Array,
    private readonly owners: SectionOwners,
    private readonly mySlot: number,
    private readonly barrier: (() => boolean) | undefined,
  ) {}

  /** True if waiting for others takes a few microseconds, as far as was known at one of the last calls. */
  get isCheap(): boolean {
    if (this.barrier !== undefined) return true;
    if (this.callsToLook-- <= 0) {
      this.callsToLook = CALLS_PER_LOOK;
      this.isAlone = !this.anyOther();
    }
    return this.isAlone;
  }

  /**
   * Returns when every fast section of other threads is over that began before the call, and everything that was
   * stored before the call is seen by all later ones. The caller is in none.
   */
  awaitOthers(): void {
    const { i32, owners } = this;
    const mine = owners.busyWords[this.mySlot];
    // the caller is in none: an exception at the end of the stack, or a call that was cut short, has left the flag up
    if (i32[mine] === INSIDE) i32[mine] = Busy.outside;
    // a full fence: the caller's stores are out before the slots are read; a thread that claims one later sees them
    Atomics.add(i32, mine, 0);
    if (!this.anyOther()) return;
    this.fenceAll();
    for (let slot = 0; slot < owners.busyWords.length; slot++) {
      const busy = i32[owners.busyWords[slot]];
      if (busy >>> 0 > Busy.clearing)
        throw new VmemError('ECORRUPT', `[SLOT-2] slot ${slot}: the flag of fast sections is ${busy}`);
      if (busy === INSIDE && slot !== this.mySlot) this.awaitSlot(slot);
    }
    if (!STORES_IN_ORDER) this.fenceAll();
  }

  /**
   * To be called before a repair. Where stores may overtake each other, a lock that its owner abandoned can be seen before
   * what the owner did under it: after this, all of that is there.
   */
  fenceOthers(): void {
    if (!STORES_IN_ORDER) this.fenceAll();
  }

  private anyOther(): boolean {
    const { owners, mySlot } = this;
    const slots = owners.busyWords.length;
    for (let slot = 0; slot < slots; slot++) if (owners.mayRun(slot) && slot !== mySlot) return true;
    return false;
  }

  private fenceAll(): void {
    if (this.barrier?.() === true) return;
    const until = performance.now() + SETTLING_MS;
    while (performance.now() <= until);
  }

  private awaitSlot(slot: number): void {
    const { i32, owners } = this;
    const word = owners.busyWords[slot];
    for (let spin = 0; spin < SPINS; spin++) if (i32[word] !== INSIDE) return;
    for (let sleeps = 1; i32[word] === INSIDE && owners.mayRun(slot); sleeps++) {
      if (sleeps % SLEEPS_PER_INQUIRY === 0 && owners.isDead(slot)) return;
      waitWhile(i32, word, INSIDE, SLEEP_MS);
    }
  }
}
