// The cache of one thread, in pages of its own (kind `cache`): for each size class a stack of ready blocks.
// Its thread uses it with plain loads and stores inside fast sections, and under the slot's gate otherwise; so
// does whoever else has the gate (see `fast-sections`).
//
//   | redzone, 64 bytes | tops: two words a stack | stacks of page runs | stack of class 0 | stack of class 1 | ... |
//
// The stacks of page runs, one for each length, hold large blocks that were freed and keep their pages for the next one
// of the same length. An entry there is the granule index of the first page and 0; the word behind the tops counts
// their pages.
//
// The first word of a class is the position of the next free entry of its stack, as a word of the region; the
// second is where its stack ends. An entry is two words: the block's granule index, and the index of its state
// byte (unsigned). Below each stack lies an entry of zeros, the state byte of which is one of the null page: it
// tells malloc that the stack is empty without a comparison.
//
// A class's stack begins with its first block: until then both its words are `noStack`, behind a sentinel that these
// classes share, where nothing can be pushed or popped. So a new cache touches its first page only; a page of a file
// that is touched for the first time costs a file system up to 50 us.
//
// Pushing writes the entry, then the block's state, then the top; popping writes the state, then the top. So
// at any instant:
//
// [CACHE-1] Every block in state CACHED by a slot has an entry in that slot's stack of its class; with no
//           operation under way, the entries below the top are exactly those blocks, each once.
//           The same for page runs: kind `cached` of the slot.
// [CACHE-2] A top lies within its stack, at a multiple of two words from its start; ends and sentinels are as
//           they were written when the stack began, or both words are `noStack`. The count of pages is that of the
//           runs in the stacks, with no operation under way.
// [CACHE-3] A cache's redzone is all zeros.

import { PlainWords } from '../base/built-in';
import { LINE_SIZE, PAGE_SIZE } from '../base/units';

/** Largest and smallest number of blocks in one stack. */
const MAX_BLOCKS = 1024;
const MIN_BLOCKS = 2;

/** Words of an entry. */
export const ENTRY = 2;

/** Pages of the shortest and of the longest run that is cached: blocks of 16 to 128 KiB. */
export const SHORTEST_RUN = 5;
export const LONGEST_RUN = 32;
const RUN_CLASSES = LONGEST_RUN - SHORTEST_RUN + 1;

export class ThreadCacheLayout {
  /** Entries of each stack: those of the slab classes, then those of runs by length. */
  readonly capacity: Int32Array;
  /** Word of each stack, from the start of the cache. */
  readonly stack: Int32Array;
  /** The stack of runs of `SHORTEST_RUN` pages. */
  readonly firstRun: number;
  /** Word of the tops, from the start of the cache. */
  readonly tops = LINE_SIZE / 4;
  /** Word of the count of pages in runs. */
  readonly runPages: number;
  /** Word to which both words of a class without a stack point. */
  readonly noStack: number;
  readonly pages: number;

  private static last: ThreadCacheLayout | undefined;

  /** The layout for these classes; that of the heap before in most threads. */
  static of(classSizes: Int32Array, cacheBytes: number): ThreadCacheLayout {
    const { last } = ThreadCacheLayout;
    if (last?.cacheBytes === cacheBytes && last.classSizes === classSizes) return last;
    return (ThreadCacheLayout.last = new ThreadCacheLayout(classSizes, cacheBytes));
  }

  /** @param cacheBytes bytes of blocks that each stack may hold, unless that is less than two blocks */
  private constructor(
    private readonly classSizes: Int32Array,
    private readonly cacheBytes: number,
  ) {
    this.firstRun = classSizes.length;
    const count = this.firstRun + RUN_CLASSES;
    this.runPages = this.tops + 2 * count;
    this.noStack = this.runPages + 1 + ENTRY;
    // of each length as many runs as there is room for in the first page: 26 MiB if all stacks are full
    const runs = Math.floor((PAGE_SIZE / 4 - this.noStack) / (ENTRY * RUN_CLASSES)) - 1;
    this.capacity = new PlainWords(count).fill(runs);
    classSizes.forEach((size, i) => {
      this.capacity[i] = Math.min(MAX_BLOCKS, Math.max(MIN_BLOCKS, Math.floor(cacheBytes / size) & ~1));
    });
    this.stack = new PlainWords(count);
    let word = this.noStack;
    for (let k = 0; k < count; k++) {
      const i = (this.firstRun + k) % count; // runs first
      this.stack[i] = word + ENTRY;
      word += ENTRY * (1 + this.capacity[i]);
    }
    this.pages = Math.ceil((word * 4) / PAGE_SIZE);
  }

  /** Makes the pages from word `start` on a cache without blocks, whatever they held. */
  format(i32: Int32Array, start: number): void {
    i32.fill(0, start, start + this.stack[0] - ENTRY);
    for (let i = 0; i < this.stack.length; i++) {
      const at = start + this.tops + 2 * i;
      i32[at] = start + (i < this.firstRun ? this.noStack : this.stack[i]);
      i32[at + 1] = start + (i < this.firstRun ? this.noStack : this.stack[i] + ENTRY * this.capacity[i]);
    }
  }
}
