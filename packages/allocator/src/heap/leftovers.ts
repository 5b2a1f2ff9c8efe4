// What an execution leaves behind that is cut short while its thread lives on, as by a timeout of node:vm: no `catch` runs, so
// locks stay taken and the flag of a fast section stays up. The thread notices nothing; it learns by and by:
//
// - Before it sleeps for a lock, it lets go of all that it has behind that one in the order of locks: a call that waits for a
//   lock has none of those. So threads never wait for each other in a circle, whatever was left.
// - Who waits long for a lock of a living thread sends it into a slow path with its next malloc or free, and has it look after
//   the dead there (`ThreadSlots.remind`). It is in no call then but that, and has no lock: all go.
//
// A thread that never calls its heap again holds the others up until it ends.

import { Busy, Slot, slotAt } from '../layout/region-layout';
import { ABANDONED } from '../sync/lock';
import { storeRelease } from '../sync/platform';

export class Leftovers {
  private readonly busy: number;

  /** @param locks all there are, in their order */
  constructor(
    private readonly i32: Int32Array,
    private readonly me: number,
    slot: number,
    private readonly locks: readonly number[],
  ) {
    this.busy = slotAt(slot) + Slot.busy;
  }

  /** To be called before this thread sleeps for the lock at word `at`. */
  dropBehind(at: number): void {
    this.drop(this.locks.indexOf(at) + 1);
  }

  /** To be called while this thread has no lock, as far as it knows. */
  dropAll(): void {
    this.drop(0);
  }

  private drop(from: number): void {
    const { i32, me, locks } = this;
    if (i32[this.busy] === (Busy.inside as number)) i32[this.busy] = Busy.outside;
    for (let i = from; i < locks.length; i++) {
      // whoever takes it acquires what was stored under it, and repairs it; partner: the exchange in `seize`
      if (i32[locks[i]] === me) storeRelease(i32, locks[i], ABANDONED);
    }
  }
}
