// rptest: replaces random slots; every eighth old block is freed by whoever takes it out of the exchange.

import { EXCHANGE_SLOTS, exchange, finishShared } from './exchange';
import { obtained, emptySlots, sizesOf, type Prepare } from './job';
import { below, next, seedOf } from './random';

const MIXER = 0x55555555;
const EXCHANGED = 8;

export const prepareRptest: Prepare = (context) => {
  const { heap, params, shared, thread } = context;
  const { blocks } = heap;
  const slots = emptySlots(params.slots);
  const sizeOf = sizesOf(params);
  let state = seedOf(params.seed, thread);
  for (let i = 0; i < slots.length; i++) {
    state = next(state);
    slots[i] = obtained(blocks.malloc(sizeOf(state)));
    heap.write(slots[i], 0);
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
        let old = slots[at];
        if (i % EXCHANGED === 0) old = exchange(shared, below(x ^ MIXER, EXCHANGE_SLOTS), old);
        if (old !== 0) blocks.free(old);
        const block = obtained(blocks.malloc(sizeOf(x)));
        heap.write(block, 0);
        slots[at] = block;
      }
      state = x;
      return operations;
    },
    finish: () => finishShared(context, slots),
  };
};
