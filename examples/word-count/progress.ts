// Shows how far the work is: a bar on a terminal, plain lines elsewhere.

import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  /** Begins a step of so many units of work. */
  start(title: string, total: number): void;
  update(done: number): void;
  /** The step is over, complete or not. */
  stop(): void;
}

export function chooseProgress(json: boolean): Progress {
  // JSON has stdout for itself
  const stream = json ? process.stderr : process.stdout;
  if (stream.isTTY) return bar(stream);
  return json ? silence : lines(stream);
}

const silence: Progress = {
  start: () => undefined,
  update: () => undefined,
  stop: () => undefined,
};

const TITLE_WIDTH = 30;

function bar(stream: NodeJS.WriteStream): Progress {
  let current: SingleBar | undefined;
  return {
    start(title, total) {
      current = new SingleBar(
        {
          stream,
          format: `${title.padEnd(TITLE_WIDTH)} {bar} {percentage} %  {duration} s`,
          gracefulExit: false,
          hideCursor: true,
        },
        Presets.shades_classic,
      );
      current.start(total, 0);
    },
    update: (done) => current?.update(done),
    stop() {
      current?.stop();
      current = undefined;
    },
  };
}

const LINE_INTERVAL_MS = 2000;

function lines(stream: NodeJS.WriteStream): Progress {
  let title = '';
  let total = 0;
  let begun = 0;
  let said = 0;
  return {
    start(newTitle, newTotal) {
      [title, total, begun] = [newTitle, newTotal, performance.now()];
      said = begun;
    },
    update(done) {
      if (performance.now() - said < LINE_INTERVAL_MS) return;
      said = performance.now();
      stream.write(`${title}: ${Math.floor((100 * done) / total)} %\n`);
    },
    stop() {
      stream.write(`${title}: ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
    },
  };
}
