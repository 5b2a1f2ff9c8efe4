// What each thread of a race of frees does in a round.

import type { Vmem } from '@vmem-ts/vmem-api';
import type { Thrown } from './thrown';

export interface FreeRace {
  readonly threads: number;
  readonly rounds: number;
  /** For `meet`. */
  readonly meeting: Int32Array;
  /** Blocks to free, written before each round. */
  readonly pointers: Int32Array;
  /** How many threads have come to each of them, and have freed it. */
  readonly arrivals: Int32Array;
  readonly wins: Int32Array;
}

/** Frees every block at the same moment as the others; returns what they must not hear who come too late. */
export function freeWithOthers(pool: Vmem, { threads, pointers, arrivals, wins }: FreeRace): string[] {
  const odd: string[] = [];
  pointers.forEach((ptr, i) => {
    Atomics.add(arrivals, i, 1);
    for (let spin = 0; spin < 400 && Atomics.load(arrivals, i) < threads; spin++);
    try {
      pool.free(ptr);
      Atomics.add(wins, i, 1);
    } catch (error) {
      const { code, message } = error as Thrown;
      if (code !== 'EDOUBLEFREE' && code !== 'EBADPTR') odd.push(message);
    }
  });
  return odd;
}
