// What a run has found: the JSON that it writes, and that a later run compares with.

import { readFileSync } from 'node:fs';
import type { Machine } from './machine';
import { BenchError, messageOf } from '../failure';
import type { Unit } from '../workloads/rows';

export const SCHEMA = 'vmem-ts-bench/2';

export interface Result {
  /** The row and, where there are several values, the series: `capacity 64`. */
  readonly name: string;
  readonly row: string;
  readonly series: string;
  readonly group: string;
  readonly subject: string;
  readonly unit: Unit;
  readonly higherIsBetter: boolean;
  /** Of the rounds' medians. */
  readonly median: number;
  /** The best sample of all rounds. */
  readonly best: number;
  /** Of all samples; far from the median where now and then one takes long, as with garbage collections. */
  readonly mean: number;
  readonly rounds: readonly number[];
  /** How many times as good the reference is, by median and by best; undefined where it was not measured. */
  readonly ratio?: number;
  readonly bestRatio?: number;
}

export interface Skipped {
  readonly subject: string;
  /** All rows, if it is missing altogether. */
  readonly row?: string;
  readonly reason: string;
}

export interface Peer {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  /** What --subjects calls its kind: ours, node, native, control. */
  readonly family: string;
  /** Its blocks are freed by the garbage collector. */
  readonly collected: boolean;
  readonly library?: string;
}

export interface Report {
  readonly schema: typeof SCHEMA;
  readonly date: string;
  readonly machine: Machine;
  readonly options: {
    readonly quick: boolean;
    readonly rounds: number;
    readonly roundMs: number;
    readonly seed: number;
    readonly dir: string;
    readonly nodeFlags: readonly string[];
  };
  readonly subjects: readonly Peer[];
  readonly results: readonly Result[];
  readonly skipped: readonly Skipped[];
}

/** How many times as good `a` is as `b`. */
export function timesAsGood(a: number, b: number, higherIsBetter: boolean): number {
  return higherIsBetter ? a / b : b / a;
}

export function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function readReport(path: string): Report {
  let report: Partial<Report>;
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Partial<Report>;
  } catch (error) {
    throw new BenchError(`--against: ${path} cannot be read: ${messageOf(error)}`);
  }
  if (report.schema !== SCHEMA || !Array.isArray(report.results)) {
    throw new BenchError(`--against: ${path} is not a report of this bench (${SCHEMA})`);
  }
  return report as Report;
}
