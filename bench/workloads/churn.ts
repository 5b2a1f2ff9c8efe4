// churn: replaces a random one of many blocks by one of another size. Also big, larson, glibc-thread, malloc-large and the
// rows of scaling, which differ in their parameters. free-extents: the same beside many holes of eight sizes.

import { emptySlots, freeSlots, obtained, sizesOf, type Prepare } from './job';
import { below, next, seedOf } from './random';

export const prepareChurn: Prepare = (context) => {
  const { heap, params, thread } = context;
  const { blocks } = heap;
  const slots = emptySlots(params.slots);
  const sizeOf = sizesOf(params);
  let state = seedOf(params.seed, thread);
  for (let i = 0; i < slots.length; i++) {
    state = next(state);
    const block = obtained(blocks.malloc(sizeOf(state)));
    heap.write(block, 0);
    slots[i] = block;
  }
  return {
    run(operations) {
      const { heap } = context;
      const { blocks } = heap;
      let x = state | 0;
      for (let i = 0; i < operations; i++) {
        x = next(x);
        const at = below(x, slots.length);
        x = next(x);
        blocks.free(slots[at]);
        const block = obtained(blocks.malloc(sizeOf(x)));
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
  const { blocks } = heap;
  const kept = emptySlots(2 * params.holes);
  for (let i = 0; i < kept.length; i += 2) {
    kept[i] = obtained(blocks.malloc(params.size + ((i >> 1) % HOLE_SIZES) * HOLE_STEP));
    kept[i + 1] = obtained(blocks.malloc(params.size)); // keeps the holes apart
  }
  for (let i = 0; i < kept.length; i += 2) {
    blocks.free(kept[i]);
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
