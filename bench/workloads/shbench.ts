// sh6bench: generations of ascending sizes; the last but one is freed, every second block forwards, the rest backwards.
// sh8bench: the same sizes; every block is exchanged for another thread's, which is freed.

import { obtained, emptySlots, freeSlots, type Prepare } from './job';
import { exchange, finishShared } from './exchange';
import { below, next, seedOf } from './random';

const SMALLEST = 8;
const DOUBLINGS = 7;

function risingSize(x: number, i: number, count: number): number {
  const base = SMALLEST << Math.floor((i * DOUBLINGS) / count);
  return base + ((x >>> 8) & (base - 1));
}

export const prepareSh6bench: Prepare = (context) => {
  const { params, thread } = context;
  const count = params.slots;
  const generations = [emptySlots(count), emptySlots(count), emptySlots(count)] as const;
  let state = seedOf(params.seed, thread);
  let generation = 0;
  return {
    run(operations) {
      const { heap } = context;
      const { blocks } = heap;
      let x = state | 0;
      let done = 0;
      for (; done < operations; done += count) {
        const made = generations[generation % 3];
        const old = generations[(generation + 1) % 3];
        for (let i = 0; i < count; i++) {
          x = next(x);
          const block = obtained(blocks.malloc(risingSize(x, i, count)));
          heap.write(block, 0);
          made[i] = block;
        }
        if (generation >= 2) {
          for (let i = 1; i < count; i += 2) blocks.free(old[i]);
          for (let i = (count - 1) & ~1; i >= 0; i -= 2) blocks.free(old[i]);
          old.fill(0);
        }
        generation++;
      }
      state = x;
      return done;
    },
    finish: () => generations.forEach((slots) => freeSlots(context.heap, slots)),
  };
};

export const prepareSh8bench: Prepare = (context) => {
  const { params, shared, thread } = context;
  const count = params.slots;
  let state = seedOf(params.seed, thread);
  return {
    run(operations) {
      const { heap } = context;
      const { blocks } = heap;
      let x = state | 0;
      let done = 0;
      for (; done < operations; done += count) {
        for (let i = 0; i < count; i++) {
          x = next(x);
          const block = obtained(blocks.malloc(risingSize(x, i, count)));
          heap.write(block, 0);
          x = next(x);
          const other = exchange(shared, below(x, count), block);
          if (other !== 0) blocks.free(other);
        }
      }
      state = x;
      return done;
    },
    finish: () => finishShared(context, []),
  };
};
