// The thread of first-use: nothing has run in it before.

import { parentPort, workerData } from 'node:worker_threads';
import type { Block } from '../subjects/subject';
import { subjectNamed } from '../subjects/subjects';
import type { FirstUse, FirstUseTimes } from '../workloads/measures';
import { below, next, smallSize } from '../workloads/random';

const OPERATIONS = 1000;
const SLOTS = 100;

async function main(): Promise<void> {
  const told = workerData as FirstUse;
  const subject = subjectNamed(told.subject);
  const start = process.hrtime.bigint();
  const heap = subject.shared?.attach(told.share) ?? (await subject.open(told.place));
  const attached = process.hrtime.bigint();
  const slots: Block[] = new Array<Block>(SLOTS).fill(0);
  let x = told.seed;
  for (let i = 0; i < OPERATIONS; i++) {
    x = next(x);
    const at = below(x, SLOTS);
    x = next(x);
    if (slots[at] !== 0) heap.free(slots[at]);
    const block = heap.malloc(smallSize(x));
    if (block === 0) throw new Error('out of memory');
    heap.write(block, 0);
    slots[at] = block;
  }
  const end = process.hrtime.bigint();
  const times: FirstUseTimes = {
    attachNs: subject.shared === undefined ? null : Number(attached - start),
    firstNs: Number(end - attached),
  };
  parentPort?.postMessage(times);
  for (const block of slots) if (block !== 0) heap.free(block);
  heap.close();
}

void main();
