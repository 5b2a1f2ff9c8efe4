// Places in shared memory where threads leave blocks for each other. Blocks are pointers below 2^31 there.

import { freeSlots, type Context } from './job';
import type { Block } from '../subjects/subject';

/** As many places as mstress and rptest use. */
export const EXCHANGE_SLOTS = 1000;

/** Leaves a block, or 0, and takes what was there. */
export function exchange(shared: Int32Array, at: number, block: Block): Block {
  return Atomics.exchange(shared, at, block as number);
}

/** Frees this thread's slots and its part of what lies in the places. */
export function finishShared({ heap, shared, thread, threads }: Context, slots: Block[]): void {
  freeSlots(heap, slots);
  for (let i = thread; i < shared.length; i += threads) {
    const block = exchange(shared, i, 0);
    if (block !== 0) heap.blocks.free(block);
  }
}
