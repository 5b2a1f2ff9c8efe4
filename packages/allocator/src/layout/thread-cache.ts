// The cache of one thread, in pages of its own (kind `cache`): for each size class a stack of ready blocks.
// Only the owner writes it, with plain stores; the living read a dead owner's.
//
//   | redzone, 64 bytes | heights: one word a class | stack of class 0 | stack of class 1 | ... |
//
// An entry is the granule index of a block. Pushing writes the entry, then the block's state, then the height;
// popping writes the state, then the height. So at any instant:
//
// [CACHE-1] Every block in state CACHED by a slot has an entry in that slot's stack of its class (between two
//           operations, below the height). Not every entry has such a block: see `block-state`.
// [CACHE-2] A height is between 0 and the stack's capacity.

import { LINE_SIZE, PAGE_SIZE } from '../base/units';

/** Largest and smallest number of blocks in one stack. */
const MAX_BLOCKS = 128;
const MIN_BLOCKS = 2;

export class ThreadCacheLayout {
  /** Entries of each class's stack. */
  readonly capacity: Int32Array;
  /** Word of each class's stack, from the start of the cache. */
  readonly stack: Int32Array;
  /** Word of the heights, from the start of the cache. */
  readonly heights = LINE_SIZE / 4;
  readonly pages: number;

  /** @param cacheBytes bytes of blocks that each stack may hold, unless that is less than two blocks */
  constructor(classSizes: Int32Array, cacheBytes: number) {
    const count = classSizes.length;
    this.capacity = classSizes.map((size) =>
      Math.min(MAX_BLOCKS, Math.max(MIN_BLOCKS, Math.floor(cacheBytes / size) & ~1)),
    );
    this.stack = new Int32Array(count);
    let word = this.heights + count;
    for (let i = 0; i < count; i++) {
      this.stack[i] = word;
      word += this.capacity[i];
    }
    this.pages = Math.ceil((word * 4) / PAGE_SIZE);
  }
}
