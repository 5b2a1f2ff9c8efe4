// churn: replaces a random one of many blocks by one of another size. Also big, larson, glibc-thread, malloc-large and the
// rows of scaling, which differ in their parameters. free-extents: the same beside many holes of eight sizes.

import { allocate, emptySlots, freeSlots, sizesOf, type Prepare } from './job';
import { below, next, seedOf } from './random';

export const prepareChurn: Prepare = ({ heap, params, thread }) => {
  const slots = emptySlots(params.slots);
  const sizeOf = sizesOf(params);
  let state = seedOf(params.seed, thread);
  for (let i = 0; i < slots.length; i++) {
    state = next(state);
    const block = allocate(heap, sizeOf(state));
    heap.write(block, 0);
    slots[i] = block;
  }
  return {
    run(operations) {
      let x = state | 0;
      for (let i = 0; i < operations; i++) {
        x = next(x);
        const at = below(x, slots.length);
        x = next(x);
        heap.free(slots[at]);
        const block = allocate(heap, sizeOf(x));
        heap.write(block, 0);
        slots[at] = block;
      }
      state = x;
      return operations;
    },
    finish: () => freeSlots(heap, slots),
  };
};

/** From one size of hole to the next: a page. */
const HOLE_STEP = 4096;
const HOLE_SIZES = 8;

export const prepareFreeExtents: Prepare = (context) => {
  const { heap, params } = context;
  const kept = emptySlots(2 * params.holes);
  for (let i = 0; i < kept.length; i += 2) {
    kept[i] = allocate(heap, params.size + ((i >> 1) % HOLE_SIZES) * HOLE_STEP);
    kept[i + 1] = allocate(heap, params.size); // keeps the holes apart
  }
  for (let i = 0; i < kept.length; i += 2) {
    heap.free(kept[i]);
    kept[i] = 0;
  }
  const job = prepareChurn(context);
  return {
    run: (operations) => job.run(operations),
    finish() {
      job.finish();
      freeSlots(heap, kept);
    },
  };
};
