// The thread of first-use: nothing has run in it before.

import { parentPort, workerData } from 'node:worker_threads';
import type { Allocator, Block } from '../subjects/subject';
import { subjectNamed } from '../subjects/subjects';
import type { FirstUse, FirstUseTimes } from '../workloads/measures';
import { below, next, smallSize } from '../workloads/random';

const OPERATIONS = 1000;
const SLOTS = 100;
const WARM_RUNS = 200;

const nanoseconds = (): number => Number(process.hrtime.bigint());

function timeOperations(heap: Allocator, slots: Block[], seed: number): number {
  const { blocks } = heap;
  const start = nanoseconds();
  let x = seed | 0;
  for (let i = 0; i < OPERATIONS; i++) {
    x = next(x);
    const at = below(x, SLOTS);
    x = next(x);
    if (slots[at] !== 0) blocks.free(slots[at]);
    const block = blocks.malloc(smallSize(x));
    if (block === 0) throw new Error('out of memory');
    heap.write(block, 0);
    slots[at] = block;
  }
  return nanoseconds() - start;
}

async function main(): Promise<void> {
  const told = workerData as FirstUse;
  const subject = subjectNamed(told.subject);
  const start = nanoseconds();
  const heap = subject.shared?.attach(told.share) ?? (await subject.open(told.place));
  const attachNs = subject.shared === undefined ? null : nanoseconds() - start;
  const slots: Block[] = new Array<Block>(SLOTS).fill(0);
  const firstNs = timeOperations(heap, slots, told.seed);
  let warmNs = firstNs;
  for (let run = 0; run < WARM_RUNS; run++) warmNs = Math.min(warmNs, timeOperations(heap, slots, told.seed));
  const times: FirstUseTimes = { attachNs, firstNs, warmNs };
  parentPort?.postMessage(times);
  for (const block of slots) if (block !== 0) heap.blocks.free(block);
  heap.close();
}

void main();
