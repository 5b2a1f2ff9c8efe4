// A standstill: no thread uses its cache, and no fast section is under way. For whoever needs to see all caches as they are at
// one moment: `check`, `stats`, a walk over all blocks. Everybody waits, so what is done at one is short.
//
// The gate of a slot is the lock of its cache, biased towards its thread: that one only looks whether anybody has
// it, in each fast section, and takes it like the others in its slow paths. So closing all gates and waiting
// for the sections that are under way stops every thread at its next malloc or free.

import { Calls, Slot, slotAt } from '../layout/region-layout';
import { ABANDONED } from '../sync/lock';
import type { HeapParts } from './parts';

/** Runs `action` at a standstill. The caller holds no lock. */
export function atStandstill<T>(core: HeapParts, action: () => T): T {
  return core.locks.during(Calls.standstill, () => withEveryGate(core, action));
}

function withEveryGate<T>(core: HeapParts, action: () => T): T {
  const { locks, slots, sections } = core;
  const { i32 } = core.region;
  let closed = 0;
  try {
    // free slots, too: a thread that attaches now finds its gate closed
    for (; closed < slots.count; closed++) locks.lock(slotAt(closed) + Slot.gate);
    sections.awaitOthers();
    const result = action();
    while (closed > 0) locks.unlock(slotAt(--closed) + Slot.gate);
    return result;
  } catch (error) {
    for (let slot = 0; slot < slots.count; slot++) {
      const gate = Slot.start + slot * Slot.words + Slot.gate; // no call: the stack may be full
      if (i32[gate] === locks.me) i32[gate] = ABANDONED;
    }
    throw error;
  }
}
