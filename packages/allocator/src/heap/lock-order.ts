// All locks of a heap, in the order in which threads take them.

import { Backing, Bin, Calls, Extents, Slot, binAt, slotAt } from '../layout/region-layout';
import { CLASS_COUNT } from '../slab/size-classes';

/** Words of the locks: backing, standstill, gates of slots, bins, extents. A thread that has one takes only those behind it. */
export function locksInOrder(slots: number): number[] {
  return [
    Backing.lock,
    Calls.standstill,
    ...Array.from({ length: slots }, (_, i) => slotAt(i) + Slot.gate),
    ...Array.from({ length: CLASS_COUNT }, (_, i) => binAt(i) + Bin.lock),
    Extents.lock,
  ];
}
