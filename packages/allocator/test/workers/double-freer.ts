// Frees the blocks that other threads free at the same moment, round after round, each round in a new heap.

import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from '@vmem-ts/allocator';
import { meet } from '../support/barrier';
import { freeWithOthers, type SharedRound } from '../support/free-with-others';

export interface DoubleFreeTask {
  readonly round: SharedRound;
  readonly rounds: number;
  readonly me: number;
}

const { round, rounds, me } = workerData as DoubleFreeTask;
const { buffer, id, barrier, threads } = round;
const odd: string[] = [];
for (let i = 0; i < rounds; i++) {
  meet(barrier, threads); // there is a heap
  const heap = Heap.attach({ buffer, byteOffset: 0, size: buffer.byteLength, id: [id[0], id[1]] });
  meet(barrier, threads); // all are attached
  meet(barrier, threads); // there are blocks
  odd.push(...freeWithOthers(heap, round, me));
  meet(barrier, threads); // all are freed
  heap.detach();
  meet(barrier, threads); // all are gone
}
parentPort?.postMessage(odd);
