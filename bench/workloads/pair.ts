// pair: malloc and free at once. batch: many mallocs, then as many frees. The fast path, and the path around it. many: the
// same as batch with one call for all, where the allocator has that.

import type { Block } from '../subjects/subject';
import { obtained, emptySlots, type Prepare } from './job';

const NOTHING = (): void => undefined;

export const preparePair: Prepare = (context) => {
  const { size } = context.params;
  return {
    run(operations) {
      const { blocks } = context.heap;
      for (let i = 0; i < operations; i++) blocks.free(obtained(blocks.malloc(size)));
      return operations;
    },
    finish: NOTHING,
  };
};

export const prepareBatch: Prepare = (context) => {
  const { size } = context.params;
  const slots: Block[] = emptySlots(context.params.slots);
  return {
    run(operations) {
      const { blocks } = context.heap;
      let done = 0;
      for (; done < operations; done += slots.length) {
        for (let i = 0; i < slots.length; i++) slots[i] = obtained(blocks.malloc(size));
        for (let i = 0; i < slots.length; i++) blocks.free(slots[i]);
      }
      return done;
    },
    finish: NOTHING,
  };
};

export const prepareMany: Prepare = (context) => {
  const { many } = context.heap;
  if (many === undefined) return prepareBatch(context);
  const { size, slots } = context.params;
  const ptrs = new Float64Array(slots);
  return {
    run(operations) {
      let done = 0;
      for (; done < operations; done += slots) {
        if (many.malloc(size, ptrs) !== slots) throw new Error('out of memory');
        many.free(ptrs);
      }
      return done;
    },
    finish: NOTHING,
  };
};
