// pair: malloc and free at once. batch: many mallocs, then as many frees. The fast path, and the path around it. many: the
// same as batch with one call for all, where the allocator has that.

import type { Block } from '../subjects/subject';
import { allocate, emptySlots, type Prepare } from './job';

const NOTHING = (): void => undefined;

export const preparePair: Prepare = ({ heap, params }) => {
  const { size } = params;
  return {
    run(operations) {
      for (let i = 0; i < operations; i++) heap.free(allocate(heap, size));
      return operations;
    },
    finish: NOTHING,
  };
};

export const prepareBatch: Prepare = ({ heap, params }) => {
  const { size } = params;
  const slots: Block[] = emptySlots(params.slots);
  return {
    run(operations) {
      let done = 0;
      for (; done < operations; done += slots.length) {
        for (let i = 0; i < slots.length; i++) slots[i] = allocate(heap, size);
        for (let i = 0; i < slots.length; i++) heap.free(slots[i]);
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
  const blocks = new Float64Array(slots);
  return {
    run(operations) {
      let done = 0;
      for (; done < operations; done += slots) {
        if (many.malloc(size, blocks) !== slots) throw new Error('out of memory');
        many.free(blocks);
      }
      return done;
    },
    finish: NOTHING,
  };
};
