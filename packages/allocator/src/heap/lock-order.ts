// All locks of a heap, in the order in which threads take them.

import { Backing, Bin, Calls, Extents, Slot, binAt, slotAt } from '../layout/region-layout';
import { CLASS_COUNT } from '../slab/size-classes';

/** Words of the locks: backing, standstill, gates of slots, bins, extents. A thread that has one takes only those behind it. */
export function locksInOrder(slots: number): number[] {
  const locks: number[] = [Backing.lock, Calls.standstill];
  for (let slot = 0; slot < slots; slot++) locks.push(slotAt(slot) + Slot.gate);
  for (let sizeClass = 0; sizeClass < CLASS_COUNT; sizeClass++) locks.push(binAt(sizeClass) + Bin.lock);
  locks.push(Extents.lock);
  return locks;
}
