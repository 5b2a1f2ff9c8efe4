// cache-thrash: every thread writes many times into a small block of its own. If blocks of different threads share a cache
// line, the threads slow each other down. cache-scratch: first each frees a block that one thread has allocated for all,
// and an allocator that gives these blocks out again shares the line between the threads.

import { exchange } from './exchange';
import { obtained, type Context, type Job, type Prepare } from './job';

const WRITES = 1000;

function writer(context: Context): (operations: number) => number {
  const { size } = context.params;
  return (operations) => {
    const { heap } = context;
    const { blocks } = heap;
    let done = 0;
    for (; done < operations; done += WRITES) {
      const block = obtained(blocks.malloc(size));
      for (let i = 0; i < WRITES; i++) heap.write(block, i & 7);
      blocks.free(block);
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
  const { blocks } = heap;
  const write = writer(context);
  if (thread === 0) {
    for (let i = 0; i < threads; i++) exchange(shared, i, obtained(blocks.malloc(params.size)));
  }
  const freeGiven = (): void => {
    const given = exchange(shared, thread, 0);
    if (given !== 0) blocks.free(given);
  };
  return {
    run(operations) {
      freeGiven();
      return write(operations);
    },
    finish: freeGiven,
  };
};
