// How far the run is: a bar on a terminal, elsewhere a line a workload.

import { SingleBar } from 'cli-progress';

export interface Progress {
  /** A row begins. */
  next(row: string): void;
  /** What is being done in it. */
  tell(what: string): void;
  /** Runs `print`, whose lines do not mix with the bar. */
  pause(print: () => void): void;
  stop(): void;
}

function showLines(total: number): Progress {
  const begin = performance.now();
  let started = 0;
  return {
    next(row) {
      const seconds = Math.round((performance.now() - begin) / 1000);
      process.stderr.write(`bench: ${++started}/${total} ${row} (${seconds} s)\n`);
    },
    tell: () => undefined,
    pause: (print) => print(),
    stop: () => undefined,
  };
}

function showBar(total: number): Progress {
  const bar = new SingleBar({
    format: '{bar} {value}/{total} {time} {row}: {what}',
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
    stream: process.stderr,
  });
  const begin = performance.now();
  const time = (): string => `${Math.round((performance.now() - begin) / 1000)} s`;
  bar.start(total, 0, { time: time(), row: '', what: '' });
  let done = -1;
  return {
    next: (row) => bar.update(++done, { time: time(), row, what: '' }),
    tell: (what) => bar.update({ time: time(), what }),
    pause(print) {
      bar.stop();
      print();
      bar.start(total, done, { time: time(), row: '', what: '' });
    },
    stop: () => bar.stop(),
  };
}

export function showProgress(total: number): Progress {
  return process.stderr.isTTY ? showBar(total) : showLines(total);
}
