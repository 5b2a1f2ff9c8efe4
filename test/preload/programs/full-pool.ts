// Fills the pool without a turn of the event loop, and again after it was left for one. Prints how it went.

import { collectUntil, isInPool, liveBlocks } from './in-pool';

const SIZE = 2 ** 20;
const most = Number(process.argv[2]);
const start = liveBlocks();

/** Buffers that are kept, until there are enough or there is an error. */
function fill(): { made: number; inPool: number; error: string } {
  const kept: Uint8Array[] = [];
  let error = '';
  try {
    while (kept.length < most) kept.push(new Uint8Array(SIZE).fill(kept.length));
  } catch (thrown) {
    const { name, message } = thrown as Error;
    error = `${name}: ${message}`;
  }
  kept.forEach((array, index) => {
    if (array[0] !== index % 256 || array[SIZE - 1] !== index % 256)
      throw new Error(`buffer ${index} changed`);
  });
  return { made: kept.length, inPool: kept.filter((array) => isInPool(array)).length, error };
}

void (async () => {
  const first = fill();
  const left = (await collectUntil(start)) - start;
  console.log(JSON.stringify({ first, left, second: fill() }));
})();
