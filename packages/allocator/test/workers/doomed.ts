// Works on a heap until it is killed. Writes down which blocks it has.

import { workerData } from 'node:worker_threads';
import { Heap, type HeapHandle } from '@vmem-ts/allocator';
import { Random } from '../support/random';
import { SharedCensus } from '../support/shared-census';

export interface DoomedTask {
  readonly handle: HeapHandle;
  readonly census: SharedArrayBuffer;
  readonly tid: number;
  readonly seed: number;
  /** Pointers of its blocks; the last word is 1 when the work has begun. */
  readonly holdings: Int32Array;
}

const { handle, census, tid, seed, holdings } = workerData as DoomedTask;
const random = new Random(seed);
const heap = Heap.attach(handle, { host: new SharedCensus(census).hostOf(tid) });
const places = holdings.length - 1;
Atomics.store(holdings, places, 1);
for (;;) {
  const place = random.below(places);
  const ptr = holdings[place];
  if (ptr !== 0) {
    holdings[place] = 0;
    heap.free(ptr);
  }
  holdings[place] = heap.malloc(random.chance(80) ? random.size(16_000) : random.between(16_385, 80_000));
}
