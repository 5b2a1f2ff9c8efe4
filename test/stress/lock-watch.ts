// How long threads have locks that others sleep for, seen from outside: a thread that looks every millisecond or so. A thread
// without a processor keeps what it has, so that time is taken off in a second figure, as in `meter.ts`. What is shorter than
// the time between two looks is not seen.

import { Figure, LOCK_KINDS, type Board, type LockKind } from './board';
import { locksOf, threadOf } from './lock-words';
import { ProcessorWait } from './meter';

/** Locks that were taken for less are not looked into. */
const LONG_MS = 3;

interface Hold {
  readonly owner: number;
  readonly since: number;
  seen: number;
  /** Of the owner, since it is looked into; its wait for a processor by then and now. */
  wait?: { readonly of: ProcessorWait; readonly before: number; now: number };
  /** Since when its thread is known to be dead. */
  deadSince?: number;
}

interface Lock {
  readonly kind: LockKind;
  readonly at: number;
  hold?: Hold | undefined;
}

export class LockWatch {
  private pools: { readonly words: Int32Array; readonly locks: readonly Lock[] }[] = [];

  constructor(
    private readonly board: Board,
    private readonly row: number,
  ) {}

  watch(pools: readonly Int32Array[]): void {
    for (const { locks } of this.pools) for (const lock of locks) this.end(lock);
    this.pools = pools.map((words) => ({ words, locks: locksOf(words).map((lock) => ({ ...lock })) }));
  }

  look(now: number): void {
    for (const { words, locks } of this.pools) {
      for (const lock of locks) {
        const owner = words[lock.at];
        const isWaitedFor = owner !== 0 && words[lock.at + 1] !== 0; // also true of an owner that slept for it itself
        if (lock.hold !== undefined && (!isWaitedFor || lock.hold.owner !== owner)) this.end(lock);
        if (!isWaitedFor) continue;
        lock.hold ??= { owner, since: now, seen: now };
        lock.hold.seen = now;
        this.lookInto(lock.hold, threadOf(words, owner));
      }
    }
  }

  private lookInto(hold: Hold, tid: number): void {
    if (tid === 0) {
      hold.deadSince ??= hold.seen;
    } else if (hold.seen - hold.since < LONG_MS) {
      return;
    } else if (hold.wait === undefined) {
      const of = new ProcessorWait(`/proc/self/task/${tid}/schedstat`);
      const before = of.milliseconds();
      hold.wait = { of, before, now: before };
    } else {
      hold.wait.now = Math.max(hold.wait.now, hold.wait.of.milliseconds());
    }
  }

  private end(lock: Lock): void {
    const { hold } = lock;
    if (hold === undefined) return;
    lock.hold = undefined;
    hold.wait?.of.close();
    const ms = hold.seen - hold.since;
    const waited = hold.wait === undefined ? 0 : hold.wait.now - hold.wait.before;
    const kind = LOCK_KINDS.indexOf(lock.kind);
    this.note(Figure.longestHold + kind, ms);
    this.note(Figure.longestHoldAwake + kind, ms - waited);
    if (hold.deadSince !== undefined) this.note(Figure.longestOfDead + kind, hold.seen - hold.deadSince);
  }

  private note(figure: number, ms: number): void {
    const at = this.board.figureAt(this.row, figure);
    if (ms > this.board.f64[at]) this.board.f64[at] = ms;
  }
}
