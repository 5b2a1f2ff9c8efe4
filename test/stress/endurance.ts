// What a pool is like from stage to stage, and whether it stays so: the last tenth of a run beside the first one. Sizes and
// numbers of threads go in cycles, so both are cut to whole cycles.

import { PROFILES } from './profiles';

export interface Interval {
  readonly seconds: number;
  readonly profile: string;
  readonly workers: number;
  /** Since the beginning. */
  readonly operations: number;
  readonly operationsPerSecond: number;
  /** How many for one of a thread that uses no pool: both have less when others use the machine. */
  readonly operationsPerControl: number;
  readonly deaths: number;
  /** Of the first pool. */
  readonly fileBytes: number;
  readonly liveShare: number;
  readonly fragmentation: number;
  /** Of threads that nobody kills, and of one that uses no pool. */
  readonly longestStallMs: number;
  readonly longestControlMs: number;
}

interface Change {
  readonly first: number;
  readonly last: number;
  readonly isLevel: boolean;
}

export interface Verdict {
  readonly intervals: number;
  readonly operationsPerControl: Change;
  readonly fileBytes: Change;
  readonly fragmentation: Change;
  readonly isLevel: boolean;
}

/** The first cycle is left out: a pool has yet to become what it will be. Undefined for a run of less than three cycles. */
export function judge(all: readonly Interval[]): Verdict | undefined {
  const cycle = PROFILES.length;
  const count = cycle * Math.max(1, Math.floor(all.length / 10 / cycle));
  const intervals = all.slice(cycle);
  if (intervals.length < 2 * count) return undefined;
  const change = (
    value: (interval: Interval) => number,
    isLevel: (first: number, last: number) => boolean,
  ): Change => {
    const mean = (part: readonly Interval[]): number =>
      part.reduce((sum, one) => sum + value(one), 0) / part.length;
    const [first, last] = [mean(intervals.slice(0, count)), mean(intervals.slice(-count))];
    return { first, last, isLevel: isLevel(first, last) };
  };
  const operationsPerControl = change(
    (i) => i.operationsPerControl,
    (first, last) => last > 0.75 * first,
  );
  const fileBytes = change(
    (i) => i.fileBytes,
    (first, last) => last < 1.15 * first,
  );
  const fragmentation = change(
    (i) => i.fragmentation,
    (first, last) => last < first + 0.05,
  );
  const isLevel = operationsPerControl.isLevel && fileBytes.isLevel && fragmentation.isLevel;
  return { intervals: count, operationsPerControl, fileBytes, fragmentation, isLevel };
}

export function verdictText(verdict: Verdict): string {
  const line = (name: string, { first, last, isLevel }: Change, show: (n: number) => string): string =>
    `  ${name.padEnd(22)} ${show(first).padStart(10)} ${show(last).padStart(10)}  ${isLevel ? 'level' : 'NOT LEVEL'}`;
  const mib = (n: number): string => `${(n / 2 ** 20).toFixed(1)} MiB`;
  const percent = (n: number): string => `${(100 * n).toFixed(1)} %`;
  return [
    `The first ${verdict.intervals} intervals after a cycle of all sizes, and the last:`,
    line('operations to control', verdict.operationsPerControl, (n) => n.toFixed(3)),
    line('file', verdict.fileBytes, mib),
    line('fragmentation', verdict.fragmentation, percent),
  ].join('\n');
}
