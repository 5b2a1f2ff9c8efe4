// Frees the blocks that another thread frees at the same moment, then takes as many as it can.

import { parentPort, workerData } from 'node:worker_threads';
import type { VmemError } from '@vmem-ts/allocator';
import { Heap, type HeapHandle } from '@vmem-ts/allocator';
import { meet } from '../support/barrier';

export interface DoubleFreeTask {
  readonly handle: HeapHandle;
  readonly barrier: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
  readonly rounds: number;
  /** Which of the two this is, 0 or 1, and how many pointers each has freed in all. */
  readonly me: number;
  readonly progress: Int32Array;
  /** Pointers to free, written by the main thread. */
  readonly pointers: Int32Array;
  /** Sizes to take, and where to put their pointers. */
  readonly sizes: Int32Array;
  readonly taken: Int32Array;
}

const { handle, barrier, threads, rounds, me, progress, pointers, sizes, taken } =
  workerData as DoubleFreeTask;
const heap = Heap.attach(handle);
let freed = 0;
const odd: string[] = [];
for (let round = 0; round < rounds; round++) {
  meet(barrier, threads);
  for (const ptr of pointers) {
    const step = Atomics.add(progress, me, 1) + 1;
    // pointer by pointer, both at the same moment, as far as the machine has a processor for each
    for (let spin = 0; spin < 300 && Atomics.load(progress, 1 - me) < step; spin++);
    try {
      heap.free(ptr);
      freed++;
    } catch (error) {
      const { code, message } = error as VmemError;
      if (!/^(EDOUBLEFREE|EBADPTR)$/.test(code)) odd.push(`${code} ${message}`);
    }
  }
  meet(barrier, threads);
  try {
    sizes.forEach((size, i) => (taken[i] = heap.malloc(size)));
  } catch (error) {
    odd.push(String(error));
  }
  meet(barrier, threads);
}
meet(barrier, threads);
heap.detach();
parentPort?.postMessage({ freed, odd });
