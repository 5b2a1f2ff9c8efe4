// What must be done before a block can be freed that a thread's stacks don't take at once.

import { asSizeClass, offsetToPage, type SizeClass } from '../base/units';
import { isLive, liveIn } from '../layout/block-state';
import { Sharing } from '../layout/page-map';
import { Slot, slotAt } from '../layout/region-layout';
import { stateIndexOf } from '../slab/block-lookup';
import { ABANDONED } from '../sync/lock';
import type { Attachment } from './attachment';
import type { HeapCore } from './core';

export class SlowFree {
  /** The state of a live block that this thread took. */
  private readonly live: number;
  /** Word of the gate of this thread's slot. */
  private readonly gate: number;

  constructor(
    private readonly core: HeapCore,
    private readonly attachment: Attachment,
  ) {
    this.live = liveIn(core.slot);
    this.gate = slotAt(core.slot) + Slot.gate;
  }

  /**
   * Has the block's slab shared, or makes room in its class's stack; false if the block is freed by it.
   * @throws VmemError EBADPTR, EDOUBLEFREE
   */
  prepare(ptr: number): boolean {
    const { attachment } = this;
    const { region, bins, large, backing } = this.core;
    try {
      const state = stateIndexOf(region, ptr);
      if (state < 0 || !isLive(region.u8[state])) {
        if (Number.isSafeInteger(ptr) && ptr > 0 && large.free(ptr)) {
          backing.settle();
          return false;
        }
        const reason = attachment.refusalOf(ptr);
        if (reason !== undefined) throw reason;
        return true; // it is live by now
      }
      const page = offsetToPage(ptr);
      const sizeClass = asSizeClass(region.pageMap.sizeClass(page));
      if (sizeClass < 0) return true; // another thread has freed the block, and its slab is gone: look again
      const sharing = region.pageMap.sharing(page);
      if (sharing === Sharing.onTheWay || (sharing === Sharing.exclusive && region.u8[state] !== this.live)) {
        bins.share(sizeClass, page);
      } else {
        this.makeRoom(sizeClass);
        backing.settle();
      }
      return true;
    } catch (error) {
      throw attachment.explained(error);
    }
  }

  private makeRoom(sizeClass: SizeClass): void {
    const cache = this.attachment.require();
    const { gate } = this;
    const { region, locks } = this.core;
    try {
      locks.lock(gate);
      cache.makeRoom(sizeClass);
      locks.unlock(gate);
    } catch (error) {
      if (region.i32[gate] === locks.me) region.i32[gate] = ABANDONED;
      throw error;
    }
  }
}
