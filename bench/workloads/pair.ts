// pair: malloc and free at once. batch: many mallocs, then as many frees. The fast path, and the path around it.

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
