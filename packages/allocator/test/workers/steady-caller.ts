// Replaces random blocks until V8 has compiled all that takes part, then goes on for as long again and tells how many
// bytes that left on V8's heap. Started with --expose-gc, --trace-deopt and --allow-natives-syntax; the argument is a fault to
// plant; or `far`: then all blocks lie beyond 2 GiB; or `large`: then all are too large for caches.

import { runInThisContext } from 'node:vm';
import { Heap } from '@vmem-ts/allocator';
import { fillNear } from '../support/fill-near';

const WARM_UP = 3_000_000;
const MEASURED = 500_000;
const PART = 1000;

const fault = process.argv[2];
const BLOCKS = fault === 'large' ? 100 : 2000;
const heap = Heap.create(new SharedArrayBuffer(fault === 'far' ? 3 * 2 ** 30 : 64 << 20));
let state = 1;
const slots = new Float64Array(BLOCKS);
/** What the planted leak keeps for a moment. */
let kept: unknown;
/** Compiles a new function for whole numbers, and calls it with something else. */
const DEOPTIMIZED = `(() => {
  const next = (x) => x + 1;
  %PrepareFunctionForOptimization(next);
  next(next(1));
  %OptimizeFunctionOnNextCall(next);
  next(2);
  return next('');
})()`;

/** The next of a linear congruential sequence: a whole number below 2^16, which V8 keeps in a register. */
function dice(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return state >>> 16;
}

/** Mostly small blocks, some of whole pages. */
function someSize(): number {
  if (fault === 'large') return 140_000 + 4 * dice();
  if (dice() % 256 === 0) return 20_000 + dice();
  const least = 16 << (dice() % 6);
  return least + (dice() & (least - 1));
}

export function replaceBlocks(count: number): void {
  for (let i = 0; i < count; i++) {
    const at = dice() % BLOCKS;
    if (slots[at] !== 0) heap.free(slots[at]);
    slots[at] = heap.malloc(someSize());
    if (fault === 'leak') kept = { ptr: slots[at], before: kept === undefined };
  }
}

/** In so many calls that V8 compiles the function as a whole, too, not only the loop in it. */
function inParts(count: number): void {
  for (let done = 0; done < count; done += PART) {
    replaceBlocks(PART);
    if (fault === 'deopts') runInThisContext(DEOPTIMIZED);
  }
}

if (fault === 'far') fillNear(heap);
inParts(WARM_UP);
console.log('--- warm');
globalThis.gc!();
const { heapUsed } = process.memoryUsage();
inParts(MEASURED);
console.log(`--- ${process.memoryUsage().heapUsed - heapUsed} bytes for ${MEASURED} replacements`);
if (heap.check() !== 1) throw new Error('the heap is not what it should be');
