// How far the run is: a bar on a terminal, nothing elsewhere.

import { SingleBar } from 'cli-progress';

export interface Progress {
  /** A row begins. */
  next(row: string, group: string): void;
  /** What is being done in it. */
  tell(what: string): void;
  stop(): void;
}

export function showProgress(total: number): Progress {
  if (!process.stderr.isTTY) {
    return { next: () => undefined, tell: () => undefined, stop: () => undefined };
  }
  const bar = new SingleBar({
    format: '{bar} {value}/{total} {row} {what}',
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
    stream: process.stderr,
  });
  bar.start(total, 0, { row: '', what: '' });
  let done = -1;
  return {
    next: (row) => bar.update(++done, { row, what: '' }),
    tell: (what) => bar.update({ what }),
    stop: () => bar.stop(),
  };
}
