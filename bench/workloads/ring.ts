// 1p1c and xmalloc-test: an even thread allocates and hands over through a ring in shared memory, the next one frees.
// 1p1c publishes every block, xmalloc-test many at once.

import { obtained, sizesOf, type Context, type Job, type Prepare } from './job';
import { next, seedOf } from './random';

const RING_WORDS = 2048;
const HEAD = 0;
const TAIL = 16;
const ENTRIES = 32;
const LENGTH = 1024;
/**
 * Longer than the other one needs to fill or empty the ring. A nap takes 100 us at least: with fewer spins the two take turns
 * in sleeping, and that is what is measured. The twin in C yields, which costs nothing as long as each has a core.
 */
const SPINS = 20_000;
const NAP_MS = 0.05;

/** Positions count up and wrap with 32 bits, as the words do. */
function waitForChange(ring: Int32Array, word: number, seen: number, requireOthers: () => void): number {
  for (let spins = 0; ; spins++) {
    const now = Atomics.load(ring, word);
    if (now !== seen) return now;
    if (spins < SPINS) continue;
    Atomics.wait(ring, word, seen, NAP_MS);
    requireOthers();
  }
}

function producer(ring: Int32Array, context: Context): Job {
  const { params, thread, requireOthers } = context;
  const { batch } = params;
  const sizeOf = sizesOf(params);
  let state = seedOf(params.seed, thread);
  return {
    run(operations) {
      const { heap } = context;
      const { blocks } = heap;
      let x = state | 0;
      let tail = Atomics.load(ring, TAIL);
      let head = Atomics.load(ring, HEAD);
      let done = 0;
      for (; done < operations; done += batch) {
        while (((tail + batch - head) | 0) > LENGTH) head = waitForChange(ring, HEAD, head, requireOthers);
        for (let i = 0; i < batch; i++) {
          x = next(x);
          const block = obtained(blocks.malloc(sizeOf(x)));
          heap.write(block, 0);
          ring[ENTRIES + ((tail + i) & (LENGTH - 1))] = block as number;
        }
        tail = (tail + batch) | 0;
        Atomics.store(ring, TAIL, tail); // publishes the entries and what is written in the blocks
      }
      state = x;
      return done;
    },
    finish: () => undefined,
  };
}

function consumer(ring: Int32Array, context: Context): Job {
  const { params, requireOthers } = context;
  return {
    run(operations) {
      const { blocks } = context.heap;
      const all = Math.ceil(operations / params.batch) * params.batch;
      let head = Atomics.load(ring, HEAD);
      let tail = head;
      let done = 0;
      while (done < all) {
        if (tail === head) tail = waitForChange(ring, TAIL, head, requireOthers);
        for (; head !== tail; head = (head + 1) | 0) {
          blocks.free(ring[ENTRIES + (head & (LENGTH - 1))]);
          done++;
        }
        Atomics.store(ring, HEAD, head); // gives the entries back
      }
      return 0;
    },
    finish: () => undefined,
  };
}

export const prepareRing: Prepare = (context) => {
  const { shared, thread } = context;
  const start = Math.floor(thread / 2) * RING_WORDS;
  const ring = shared.subarray(start, start + RING_WORDS);
  return thread % 2 === 0 ? producer(ring, context) : consumer(ring, context);
};
