// What the bench and the process of one cell (a subject in a workload) say to each other, in lines: `verify`, `warm MS`,
// `round MS` and `quit` down, JSON up. The first line up says which allocator it is. Native programs speak the same.

/**
 * Median, best and mean of a run's samples, in nanoseconds an operation or as a part; null: not applicable. The mean has
 * what the median leaves out: garbage collections, which come once in many samples.
 */
export type Value = readonly [median: number, best: number, mean: number] | null;

export interface Reply {
  readonly error?: string;
  readonly version?: string;
  readonly library?: string;
  readonly verified?: boolean;
  readonly values?: readonly Value[];
}

export const VERIFIED_OPERATIONS = 3000;
/** The verified run is smaller where many blocks would only take time. */
export const VERIFIED_SLOTS = 1000;
export const VERIFIED_HOLES = 100;

export function summarize(samples: readonly number[], higherIsBetter = false): Value {
  const sorted = [...samples].sort((a, b) => a - b);
  const mean = sorted.reduce((sum, sample) => sum + sample, 0) / sorted.length;
  return [sorted[Math.floor(sorted.length / 2)], higherIsBetter ? sorted.at(-1)! : sorted[0], mean];
}
