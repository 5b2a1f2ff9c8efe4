// Counters of a bin's statistics. Months bring more events than a word can count, so each has a second one. A thread that dies
// between the two stores leaves the count 2^32 too low: nothing but statistics depends on it.

import { Bin } from '../layout/region-layout';

/** From a counter to its upper half. */
const HIGH = Bin.refillsHigh - Bin.refills;

/** Counts one event in the counter at word `at` of a bin's record. Bin lock held. */
export function countEvent(i32: Int32Array, at: number): void {
  const count = (i32[at] + 1) | 0;
  i32[at] = count;
  if (count === 0) i32[at + HIGH]++;
}

/** What the counter says. Bin lock held. */
export const eventsCounted = (i32: Int32Array, at: number): number =>
  (i32[at + HIGH] >>> 0) * 2 ** 32 + (i32[at] >>> 0);
