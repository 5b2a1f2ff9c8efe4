// Allocates buffers in one way after the other, of one size after the other, and prints what each took: nanoseconds of the
// processor's time, of all threads of the process, V8's own included. Every page of a buffer is written to once, buffers are
// dropped at once, and the event loop turns after each batch, as in a program that waits for its next input.
//
// Arguments: milliseconds for each size of each way.

import { setImmediate } from 'node:timers/promises';
import { SIZES, WAYS, type Way } from './ways';

const PAGE = 4096;
const BATCH_BYTES = 2 ** 21;
const MOST_OF_A_BATCH = 500;

const milliseconds = Number(process.argv[2] ?? 50);

/** Nanoseconds a buffer. */
async function measure(way: Way, size: number): Promise<number> {
  const make = way.of(size);
  const batch = Math.min(MOST_OF_A_BATCH, Math.max(4, Math.floor(BATCH_BYTES / size)));
  const run = async (until: number): Promise<number> => {
    let made = 0;
    while (performance.now() < until) {
      for (let i = 0; i < batch; i++) {
        const bytes = make();
        for (let at = 0; at < size; at += PAGE) bytes[at] = 1;
      }
      made += batch;
      await setImmediate();
    }
    return made;
  };
  await run(performance.now() + milliseconds / 4);
  const before = process.cpuUsage();
  const made = await run(performance.now() + milliseconds);
  const { user, system } = process.cpuUsage(before);
  return (1000 * (user + system)) / made;
}

async function main(): Promise<void> {
  const results: number[][] = [];
  // what is used first pays for pages and code that the rest finds
  for (const size of SIZES) await measure(WAYS[0], size);
  for (const way of WAYS) {
    const row: number[] = [];
    for (const size of SIZES) row.push(await measure(way, size));
    results.push(row);
  }
  console.log(JSON.stringify(results));
}

void main();
