// Frees an array of blocks that other threads may be freeing, too: what `freeMany` refuses is passed over.

import { VmemError, type Heap } from '@vmem-ts/allocator';

/** Calls `freed` with the place of each block that this call has freed, and not another thread. */
export function freeAll(
  heap: Heap,
  pointers: Int32Array | Float64Array,
  freed: (place: number) => void,
): void {
  for (let from = 0; from < pointers.length;) {
    let end = pointers.length;
    try {
      heap.freeMany(pointers.subarray(from));
    } catch (error) {
      if (!(error instanceof VmemError) || error.index === undefined) throw error;
      end = from + error.index;
    }
    for (let place = from; place < end; place++) freed(place);
    from = end + 1;
  }
}
