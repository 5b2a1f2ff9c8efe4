// alloc-test: a random slot is freed if it is taken, else taken; the first and the last byte are written.

import { obtained, emptySlots, freeSlots, sizesOf, type Prepare } from './job';
import { below, next, seedOf } from './random';

export const prepareAllocTest: Prepare = (context) => {
  const { params, thread } = context;
  const slots = emptySlots(params.slots);
  const sizeOf = sizesOf(params);
  let state = seedOf(params.seed, thread);
  return {
    run(operations) {
      const { heap } = context;
      const { blocks } = heap;
      let x = state | 0;
      for (let i = 0; i < operations; i++) {
        x = next(x);
        const at = below(x, slots.length);
        const old = slots[at];
        if (old !== 0) {
          blocks.free(old);
          slots[at] = 0;
        } else {
          x = next(x);
          const size = sizeOf(x);
          const block = obtained(blocks.malloc(size));
          heap.write(block, 0);
          heap.write(block, size - 1);
          slots[at] = block;
        }
      }
      state = x;
      return operations;
    },
    finish: () => freeSlots(context.heap, slots),
  };
};
