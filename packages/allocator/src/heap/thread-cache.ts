// This thread's cache: moves blocks between its stacks and the bins, half a stack at a time.

import { NULL_PAGE, asSizeClass, pageToWord, type SizeClass } from '../base/units';
import { CLASS_COUNT } from '../slab/size-classes';
import { returnCachePages, takeCachePages } from './cache-pages';
import type { HeapParts } from './parts';

export class ThreadCache {
  private readonly i32: Int32Array;

  private constructor(
    private readonly core: HeapParts,
    /** Word of the height of class 0's stack. */
    readonly heights: number,
    /** Word of each class's stack. */
    readonly stacks: Int32Array,
    /** Entries of each class's stack. */
    readonly capacity: Int32Array,
  ) {
    this.i32 = core.region.i32;
  }

  /** Takes the pages of a cache for the core's slot; undefined if there are none. */
  static create(core: HeapParts): ThreadCache | undefined {
    const { cacheLayout, extents } = core;
    extents.lock();
    try {
      const page = takeCachePages(core);
      if (page === NULL_PAGE) return undefined;
      const start = pageToWord(page);
      return new ThreadCache(
        core,
        start + cacheLayout.heights,
        cacheLayout.stack.map((word) => start + word),
        cacheLayout.capacity,
      );
    } finally {
      extents.unlock();
    }
  }

  /** Fills half of an empty stack; returns how many blocks came. */
  refill(sizeClass: SizeClass): number {
    const want = this.capacity[sizeClass] >> 1;
    const taken = this.core.bins.takeBlocks(sizeClass, want, this.stacks[sizeClass]);
    this.i32[this.heights + sizeClass] = taken;
    return taken;
  }

  /** Returns the older half of a stack to the slabs. */
  flush(sizeClass: SizeClass): void {
    const height = this.i32[this.heights + sizeClass];
    this.returnOldest(sizeClass, height, (height + 1) >> 1);
  }

  /** Returns all blocks of all stacks. True if there were any. */
  flushAll(): boolean {
    let any = false;
    for (let i = 0; i < CLASS_COUNT; i++) {
      const height = this.i32[this.heights + i];
      if (height === 0) continue;
      any = true;
      this.returnOldest(asSizeClass(i), height, height);
    }
    return any;
  }

  /** Returns all blocks and the cache's own pages. */
  dispose(): void {
    this.flushAll();
    const { extents, slot } = this.core;
    extents.lock();
    try {
      returnCachePages(this.core, slot);
    } finally {
      extents.unlock();
    }
  }

  private returnOldest(sizeClass: SizeClass, height: number, count: number): void {
    const { i32 } = this;
    const stack = this.stacks[sizeClass];
    this.core.bins.returnBlocks(sizeClass, stack, count);
    const rest = height - count;
    for (let i = 0; i < rest; i++) i32[stack + i] = i32[stack + count + i]!;
    i32[this.heights + sizeClass] = rest;
  }
}
