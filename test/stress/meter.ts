// How long each action of a thread takes in wall time. Most long ones are the machine's: a thread that the system gives no
// processor stands still wherever it is. Linux counts that time by thread, so it is taken off in a second figure.

import { closeSync, openSync, readSync } from 'node:fs';
import { FIRST_OF_WHOLE_POOLS, Figure, Status, type Board } from './board';

/** Shorter ones are not looked into; the system is asked as often. */
const LONG_MS = 5;

export class Meter {
  private last = 0;
  private asked = 0;
  private waited = 0;
  private readonly action: number;
  private readonly figures: number;

  constructor(
    private readonly board: Board,
    row: number,
    private readonly waiting = new ProcessorWait(),
  ) {
    this.action = board.statusAt(row, Status.action);
    this.figures = board.figureAt(row, 0);
    this.start();
  }

  /** What was before does not count. */
  start(): void {
    this.waited = this.waiting.milliseconds();
    this.last = this.asked = performance.now();
  }

  begin(action: number): void {
    this.board.i32[this.action] = action;
  }

  /** The action that has begun is over. */
  end(): void {
    const now = performance.now();
    const ms = now - this.last;
    this.last = now;
    const { f64, i32 } = this.board;
    const { figures } = this;
    f64[figures + Figure.operations]++;
    const action = i32[this.action];
    if (ms > f64[figures + Figure.longest + action]) f64[figures + Figure.longest + action] = ms;
    if (action < FIRST_OF_WHOLE_POOLS) {
      f64[figures + Figure.histogram + 32 - Math.clz32((ms * 1000) | 0)]++;
      if (ms > f64[figures + Figure.longestOfInterval]) f64[figures + Figure.longestOfInterval] = ms;
    }
    if (now - this.asked > LONG_MS) this.look(ms, action);
  }

  private look(ms: number, action: number): void {
    const waited = this.waiting.milliseconds();
    const awake = ms - (waited - this.waited);
    this.waited = waited;
    const at = this.figures + Figure.longestAwake + action;
    if (ms > LONG_MS && awake > this.board.f64[at]) this.board.f64[at] = awake;
    this.last = this.asked = performance.now();
  }
}

/** Milliseconds in which a thread could run and had no processor: proc(5), schedstat; 0 where that is missing. */
export class ProcessorWait {
  private fd: number;
  private readonly text = Buffer.alloc(64);

  /** @param path default: of the calling thread */
  constructor(path = '/proc/thread-self/schedstat') {
    this.fd = open(path);
  }

  milliseconds(): number {
    if (this.fd < 0) return 0;
    try {
      const length = readSync(this.fd, this.text, 0, 64, 0);
      return Number(this.text.toString('latin1', 0, length).split(' ')[1]) / 1e6;
    } catch {
      return 0; // that thread has ended
    }
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch {
    return -1;
  }
}
