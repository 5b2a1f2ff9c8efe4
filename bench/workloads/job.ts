// What runners and workloads share. A job is one thread's part of a workload: prepared once, run many times with a count
// of operations, finished once. Each has a twin in native/jobs.h.

import type { Allocator, Block } from '../subjects/subject';
import { logUniform, below } from './random';

export interface Params {
  readonly threads: number;
  readonly seed: number;
  readonly poolBytes: number;
  readonly slots: number;
  /** Bytes, where all blocks are equal. */
  readonly size: number;
  /** Sizes from `low`: `span` of them, times `unit`; or where `span` is 0, `doublings` doublings of log-uniform ones. */
  readonly low: number;
  readonly span: number;
  readonly unit: number;
  readonly doublings: number;
  /** Blocks that are handed over at once. */
  readonly batch: number;
  readonly holes: number;
}

export const DEFAULT_PARAMS: Params = {
  threads: 1,
  seed: 1,
  poolBytes: 64 * 2 ** 20,
  slots: 1,
  size: 64,
  low: 16,
  span: 0,
  unit: 1,
  doublings: 6,
  batch: 1,
  holes: 0,
};

/** Words in shared memory for handing blocks over. */
export const SHARED_WORDS = 16384;

export interface Context {
  /**
   * A run takes its `blocks` into a constant of its own: what comes from an outer function's scope in the middle of a loop, V8
   * at times does not treat as the constant that it is, and reads all fields of the heap again and again.
   */
  readonly heap: Allocator;
  readonly params: Params;
  readonly thread: number;
  readonly threads: number;
  /** Zero when the threads are prepared. */
  readonly shared: Int32Array;
  /** Throws if another thread has failed, for loops that wait for one. */
  readonly requireOthers: () => void;
}

export interface Job {
  /** Returns how many operations were done, at least `operations`; 0 in a thread whose operations another one counts. */
  run(operations: number): number;
  finish(): void;
}

export type Prepare = (context: Context) => Job;

/**
 * Ends the measurement when memory is out. It does not call malloc itself: with that in it, V8 at times finds it too long to
 * be inlined.
 */
export function obtained(block: Block): Block {
  if (block === 0) throw new Error('out of memory');
  return block;
}

/**
 * Makes a size of a random number. One function for each kind of sizes: a branch for both, in the loop, made V8 compute
 * sizes as floating-point numbers and the loop twice as slow.
 */
export function sizesOf({ low, span, unit, doublings }: Params): (x: number) => number {
  return span === 0 ? (x) => logUniform(x, low, doublings) : (x) => Math.imul(low + below(x, span), unit);
}

/** Slots that are all empty, as one kind of array for V8. */
export function emptySlots(count: number): Block[] {
  return Array.from({ length: count }, () => 0);
}

export function freeSlots({ blocks }: Allocator, slots: Block[]): void {
  for (let i = 0; i < slots.length; i++) {
    const block = slots[i];
    if (block !== 0) blocks.free(block);
    slots[i] = 0;
  }
}
