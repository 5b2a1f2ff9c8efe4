// What all threads of a run tell each other, in shared memory: the orders of the main thread, and of each thread what it is at,
// how much it has done and how long that took.

import { MOST_ROWS } from './ledger';

export const CONTROL_ROW = MOST_ROWS;
export const MAIN_ROW = MOST_ROWS + 1;
const ROWS = MOST_ROWS + 2;

/** Words for all. */
export const enum Order {
  pause = 0,
  /** Index of the profile that the load has now, and how many workers share the pools. */
  profile,
  workers,
  /** 1 when a thread was found that hangs. */
  hung,
  end = 16,
}

/** Words of a thread. */
export const enum Status {
  state = 0,
  /** Index of what it is doing in `ACTIONS`. */
  action,
  stop,
  /** Attempts to attach that found all slots taken. */
  turnedAway,
  words = 16,
}

export const enum State {
  absent = 0,
  running,
  paused,
}

/** Numbers of a thread. */
export const enum Figure {
  operations = 0,
  /** Milliseconds of the longest call for a single block since the main thread last set it to 0. */
  longestOfInterval,
  /** Those of calls for single blocks, by the number of bits of the microseconds. */
  histogram,
  /** Of each action the longest. */
  longest = histogram + 32,
  /** The same without the time in which the thread waited for a processor, of those that are long. */
  longestAwake = longest + 24,
  /** By kind of lock, for how long a thread had one that others slept for, at most; without its waits for a processor; by the dead. */
  longestHold = longestAwake + 24,
  longestHoldAwake = longestHold + 8,
  longestOfDead = longestHoldAwake + 8,
  words = longestOfDead + 8,
}

export const LOCK_KINDS = ['backing', 'standstill', 'gates', 'bins', 'extents'] as const;
export type LockKind = (typeof LOCK_KINDS)[number];

/** What a thread can be at. The first ones concern single blocks; the others all of a pool, and take as long as that needs. */
export const ACTIONS = [
  'nothing',
  'malloc',
  'calloc',
  'alignedAlloc',
  'alloc',
  'mallocMany',
  'free',
  'freeMany',
  'realloc',
  'exchange',
  'look',
  'blocks',
  'purge',
  'check',
  'stats',
  'attach',
  'detach',
  'create',
  'delete',
] as const;
export const FIRST_OF_WHOLE_POOLS = ACTIONS.indexOf('blocks');
export type Action = (typeof ACTIONS)[number];
export const actionIndex = (action: Action): number => ACTIONS.indexOf(action);

const I32_WORDS = (Order.end as number) + ROWS * Status.words;
const F64_START = Math.ceil(I32_WORDS / 2) * 8;

export class Board {
  readonly i32: Int32Array;
  readonly f64: Float64Array;

  constructor(readonly memory = new SharedArrayBuffer(F64_START + ROWS * Figure.words * 8)) {
    this.i32 = new Int32Array(memory, 0, I32_WORDS);
    this.f64 = new Float64Array(memory, F64_START);
  }

  order(order: Order): number {
    return Atomics.load(this.i32, order);
  }

  setOrder(order: Order, value: number): void {
    Atomics.store(this.i32, order, value);
    Atomics.notify(this.i32, order);
  }

  statusAt(row: number, status: Status): number {
    return Order.end + row * Status.words + status;
  }

  status(row: number, status: Status): number {
    return Atomics.load(this.i32, this.statusAt(row, status));
  }

  setStatus(row: number, status: Status, value: number): void {
    Atomics.store(this.i32, this.statusAt(row, status), value);
  }

  figureAt(row: number, figure: Figure): number {
    return row * Figure.words + figure;
  }

  figure(row: number, figure: Figure): number {
    return this.f64[this.figureAt(row, figure)];
  }

  sum(figure: Figure, rows: number = MOST_ROWS): number {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += this.figure(row, figure);
    return sum;
  }

  /** Of calls for single blocks, since the last call. */
  takeLongestOfInterval(row: number): number {
    const at = this.figureAt(row, Figure.longestOfInterval);
    const longest = this.f64[at];
    this.f64[at] = 0;
    return longest;
  }
}
