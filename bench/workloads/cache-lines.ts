// cache-thrash: every thread writes many times into a small block of its own. If blocks of different threads share a cache
// line, the threads slow each other down. cache-scratch: first each frees a block that one thread has allocated for all,
// and an allocator that gives these blocks out again shares the line between the threads.

import { exchange } from './exchange';
import { allocate, type Context, type Job, type Prepare } from './job';

const WRITES = 1000;

function writer({ heap, params }: Context): (operations: number) => number {
  const { size } = params;
  return (operations) => {
    let done = 0;
    for (; done < operations; done += WRITES) {
      const block = allocate(heap, size);
      for (let i = 0; i < WRITES; i++) heap.write(block, i & 7);
      heap.free(block);
    }
    return done;
  };
}

export const prepareCacheThrash: Prepare = (context): Job => ({
  run: writer(context),
  finish: () => undefined,
});

export const prepareCacheScratch: Prepare = (context): Job => {
  const { heap, params, shared, thread, threads } = context;
  const write = writer(context);
  if (thread === 0) {
    for (let i = 0; i < threads; i++) exchange(shared, i, allocate(heap, params.size));
  }
  const freeGiven = (): void => {
    const given = exchange(shared, thread, 0);
    if (given !== 0) heap.free(given);
  };
  return {
    run(operations) {
      freeGiven();
      return write(operations);
    },
    finish: freeGiven,
  };
};
