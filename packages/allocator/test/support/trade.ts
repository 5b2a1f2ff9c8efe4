// What each thread of the stress tests does: takes blocks, writes a pattern, hands them over to whoever comes
// next through words of shared memory, and frees the blocks that it finds there after looking at the pattern.

import type { Heap } from '@vmem-ts/allocator';
import { Random } from './random';

/** Words of a block: size in bytes, pattern, then words that follow from the pattern. */
const HEADER_WORDS = 2;

export interface TradePlan {
  readonly seed: number;
  /** Blocks to take. */
  readonly blocks: number;
  /** 0: mostly small ones, each magnitude alike. */
  readonly smallest: number;
  readonly largest: number;
}

export interface TradeResult {
  taken: number;
  freed: number;
  /** Times that memory was out. */
  refused: number;
  /** Blocks whose pattern was not what their maker wrote. */
  damaged: number;
}

function write(words: Int32Array, ptr: number, size: number, pattern: number): void {
  const start = ptr / 4;
  words[start] = size;
  words[start + 1] = pattern;
  for (let i = HEADER_WORDS; i < size >> 2; i++) words[start + i] = pattern ^ i;
}

function isIntact(words: Int32Array, ptr: number): boolean {
  const start = ptr / 4;
  const size = words[start];
  const pattern = words[start + 1];
  if (size < 8 || size > 4 * words.length - ptr) return false;
  for (let i = HEADER_WORDS; i < size >> 2; i++) if (words[start + i] !== (pattern ^ i)) return false;
  return true;
}

/** Frees a block that was handed over. */
export function receive(heap: Heap, words: Int32Array, ptr: number, result: TradeResult): void {
  if (!isIntact(words, ptr)) result.damaged++;
  heap.free(ptr);
  result.freed++;
}

/** `shelves`: words of shared memory that hold pointers, divided by 8, of blocks that wait for a new owner. */
export function trade(heap: Heap, shelves: Int32Array, plan: TradePlan): TradeResult {
  const random = new Random(plan.seed);
  const words = new Int32Array(heap.buffer, heap.byteOffset, heap.size / 4);
  const result = { taken: 0, freed: 0, refused: 0, damaged: 0 };
  const { smallest, largest } = plan;
  const batch = new Float64Array(50);
  while (result.taken < plan.blocks) {
    const size = smallest === 0 ? random.size(largest) + 8 : random.between(smallest, largest);
    if (random.chance(1)) {
      const rest = batch.subarray(0, plan.blocks - result.taken);
      tradeMany(heap, words, shelves, random, size, rest, result);
      continue;
    }
    let ptr = random.chance(97) ? heap.malloc(size) : heap.alignedAlloc(2 ** random.below(14), size);
    if (ptr === 0) {
      if (++result.refused > 10 * plan.blocks) return result; // blocks got lost
    } else {
      result.taken++;
      write(words, ptr, size, random.word() | 0);
    }
    // publishes the block's contents to whoever takes it from the shelf, and acquires those of the one there
    ptr = Atomics.exchange(shelves, random.below(shelves.length), ptr / 8) * 8;
    if (ptr !== 0) receive(heap, words, ptr, result);
  }
  return result;
}

/** The same with many blocks at once; what comes back for them is freed at once. */
function tradeMany(
  heap: Heap,
  words: Int32Array,
  shelves: Int32Array,
  random: Random,
  size: number,
  batch: Float64Array,
  result: TradeResult,
): void {
  const taken = heap.mallocMany(
    size,
    Math.floor(Math.min(random.between(1, batch.length), 1 + 20_000 / size)),
    batch,
  );
  result.taken += taken;
  if (taken === 0) result.refused++;
  const received: number[] = [];
  for (let i = 0; i < taken; i++) {
    write(words, batch[i], size, random.word() | 0);
    const ptr = Atomics.exchange(shelves, random.below(shelves.length), batch[i] / 8) * 8;
    if (ptr === 0) continue;
    if (!isIntact(words, ptr)) result.damaged++;
    received.push(ptr);
  }
  heap.freeMany(received);
  result.freed += received.length;
}
