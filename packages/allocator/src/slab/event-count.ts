// Counters of a bin's statistics. Months bring more events than a word can count, so each has a second one.

import { Bin } from '../layout/region-layout';

/** Counts one event in the counter at word `at` of a bin's record. Bin lock held. */
export function countEvent(i32: Int32Array, at: number): void {
  const count = (i32[at] + 1) | 0;
  i32[at] = count;
  if (count === 0) i32[at + Bin.carry]++;
}

/** What the counter says. Bin lock held. */
export const eventsCounted = (i32: Int32Array, at: number): number =>
  (i32[at + Bin.carry] >>> 0) * 2 ** 32 + (i32[at] >>> 0);
