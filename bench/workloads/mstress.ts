// mstress: blocks for the moment and blocks that stay, a few of them large, some exchanged with other threads.

import { EXCHANGE_SLOTS, exchange, finishShared } from './exchange';
import { obtained, emptySlots, type Prepare } from './job';
import { below, logUniform, next, seedOf, smallSize } from './random';

const MIXER = 0x55555555;

export const prepareMstress: Prepare = (context) => {
  const { params, shared, thread } = context;
  const count = params.slots;
  const slots = emptySlots(count);
  let state = seedOf(params.seed, thread);
  return {
    run(operations) {
      const { heap } = context;
      const { blocks } = heap;
      let x = state | 0;
      let done = 0;
      for (; done < operations; done += count) {
        let top = 0;
        let bottom = count;
        for (let i = 0; i < count; i++) {
          x = next(x);
          let chance = below(x, 200);
          x = next(x);
          const block = obtained(blocks.malloc(chance === 0 ? logUniform(x, 16384, 4) : smallSize(x)));
          heap.write(block, 0);
          if (chance < 100) slots[top++] = block;
          else slots[--bottom] = block;
          x = next(x);
          chance = below(x, 12);
          if (top > 0 && chance < 8) {
            x = next(x);
            const at = below(x, top);
            blocks.free(slots[at]);
            slots[at] = slots[--top]!;
          }
          if (top > 0 && chance % 4 === 0) {
            x = next(x);
            const at = below(x, top);
            const other = exchange(shared, below(x ^ MIXER, EXCHANGE_SLOTS), slots[at]);
            slots[at] = other !== 0 ? other : slots[--top];
          }
        }
        for (let i = 0; i < top; i++) blocks.free(slots[i]);
        for (let i = bottom; i < count; i++) blocks.free(slots[i]);
        slots.fill(0);
      }
      state = x;
      return done;
    },
    finish: () => finishShared(context, slots),
  };
};
