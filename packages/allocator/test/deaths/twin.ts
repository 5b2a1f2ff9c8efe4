// A heap object of a thread that is attached already, as it is right after a look at its slot: what such an object
// remembers besides that are hints. For survivors whose memory was put back to an earlier moment.

import { Heap, type HeapHandle, type PageSource, type ThreadHost } from '@vmem-ts/allocator';
import { HeapCore } from '#src/heap/core';
import { ThreadCache } from '#src/heap/thread-cache';
import { ThreadSlots } from '#src/heap/thread-slots';
import { asSlot } from '#src/base/units';
import { Region } from '#src/layout/region';
import { Slot, slotAt, tokenOf } from '#src/layout/region-layout';
import { CLASS_COUNT } from '#src/slab/size-classes';

export function twinOf(handle: HeapHandle, slot: number, host: ThreadHost, source?: PageSource): Heap {
  const region = new Region(handle.buffer, handle.byteOffset, handle.size);
  const geometry = region.validate(CLASS_COUNT, handle.id);
  const slots = new ThreadSlots(region, geometry.slots, host);
  const token = tokenOf(slot, region.i32[slotAt(slot) + Slot.generation]);
  const core = new HeapCore(region, geometry, slots, { slot: asSlot(slot), token }, source);
  const cache = ThreadCache.of(core, slot);
  return Reflect.construct(Heap, [{ region, core, cache, deathWatch: undefined }]) as Heap;
}
