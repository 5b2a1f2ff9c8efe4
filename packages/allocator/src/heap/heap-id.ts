// What tells one heap from any other: two words of its region, which a handle has, too.

declare const performance: { now(): number; readonly timeOrigin: number }; // of Node and of browsers

/**
 * Differs from that of any other heap, almost surely: with a seed (`--random-seed`) all threads draw the same, and hardly in the
 * same instant.
 */
export function newId(): readonly [number, number] {
  const instant = (performance.timeOrigin + performance.now()) * 4096; // quarters of a microsecond
  return [positive(random() ^ instant), positive(random() ^ instant)];
}

const random = (): number => Math.random() * 2 ** 32;

/** What a detached heap object compares ids with. */
export const DETACHED = -1;

/** Neither 0 nor `DETACHED`. */
const positive = (bits: number): number => bits & 0x7fffffff || 1;
