// What goes wrong in a way that its message explains; everything else is shown with its stack.

export class BenchError extends Error {}

/** A subject that cannot be had on this machine, in no row. */
export class MissingSubject extends BenchError {}

export class TimeOver extends BenchError {}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
