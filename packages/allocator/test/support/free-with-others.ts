// What each thread of a test of double frees does in a round: frees all blocks, pointer by pointer at the same moment
// as the others, as far as the machine has a processor for each.

import { VmemError, type Heap } from '@vmem-ts/allocator';
import { freeAll } from './free-all';

export interface SharedRound {
  readonly buffer: SharedArrayBuffer;
  /** The id of this round's heap. */
  readonly id: Int32Array;
  readonly barrier: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
  /** Pointers to free, written by the main thread. */
  readonly pointers: Int32Array;
  /** How many threads have freed each of them. */
  readonly wins: Int32Array;
  /** How many threads have come to each of them. */
  readonly arrivals: Int32Array;
  /** 1 in a round in which each thread frees all of them in one call. */
  readonly atOnce: Int32Array;
}

/** Returns what went wrong: other errors than those of a thread that comes too late. */
export function freeWithOthers(heap: Heap, round: SharedRound, me: number): string[] {
  const { pointers, wins, arrivals, threads } = round;
  const odd: string[] = [];
  if (round.atOnce[0] === 1) {
    freeAll(heap, pointers, (place) => Atomics.add(wins, place, 1));
    return odd;
  }
  pointers.forEach((ptr, i) => {
    Atomics.add(arrivals, i, 1);
    for (let spin = 0; spin < 400 && Atomics.load(arrivals, i) < threads; spin++);
    for (let spin = (i * (me + 1)) % 40; spin > 0; spin--); // not always in the same order
    try {
      heap.free(ptr);
      Atomics.add(wins, i, 1);
    } catch (error) {
      if (!(error instanceof VmemError) || !/^(EDOUBLEFREE|EBADPTR)$/.test(error.code)) {
        odd.push(String((error as Error).stack));
      }
    }
  });
  return odd;
}
