// How long the actions of some threads took.

import { ACTIONS, FIRST_OF_WHOLE_POOLS, Figure, LOCK_KINDS, type Board, type LockKind } from './board';

/** Milliseconds of the longest action of a kind. */
export interface Longest {
  readonly ms: number;
  /** Without the time in which its thread waited for a processor; 0 if none took 5 ms. */
  readonly awakeMs: number;
}

export interface Stalls {
  /** Calls for single blocks. */
  readonly calls: number;
  readonly longest: Longest;
  /** How many of them took at least so many microseconds, and less than twice as many. */
  readonly histogram: Readonly<Record<number, number>>;
  readonly byAction: Readonly<Record<string, Longest>>;
}

export function stallsOf(board: Board, from: number, to: number): Stalls {
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  const most = (figure: number): number => Math.max(...rows.map((row) => board.figure(row, figure)));
  const all = ACTIONS.map((_, action) => ({
    ms: most(Figure.longest + action),
    awakeMs: most(Figure.longestAwake + action),
  }));
  const ofBlocks = all.slice(0, FIRST_OF_WHOLE_POOLS);
  const histogram: Record<number, number> = {};
  for (let bits = 0; bits < 32; bits++) {
    const count = rows.reduce((sum, row) => sum + board.figure(row, Figure.histogram + bits), 0);
    if (count > 0) histogram[bits === 0 ? 0 : 2 ** (bits - 1)] = count;
  }
  return {
    calls: Object.values(histogram).reduce((a, b) => a + b, 0),
    longest: {
      ms: Math.max(...ofBlocks.map(({ ms }) => ms)),
      awakeMs: Math.max(...ofBlocks.map(({ awakeMs }) => awakeMs)),
    },
    histogram,
    byAction: Object.fromEntries(
      all.flatMap((one, action) => (one.ms > 0 ? [[ACTIONS[action], one] as const] : [])),
    ),
  };
}

/** For how long threads had a lock of that kind that others slept for, at most. */
export interface LockHold extends Longest {
  /** From when its thread was known to be dead until somebody had taken it over. */
  readonly ofDeadMs: number;
}

export function holdsOf(board: Board, row: number): Readonly<Record<LockKind, LockHold>> {
  const holds = LOCK_KINDS.map((kind, i): [LockKind, LockHold] => [
    kind,
    {
      ms: board.figure(row, Figure.longestHold + i),
      awakeMs: board.figure(row, Figure.longestHoldAwake + i),
      ofDeadMs: board.figure(row, Figure.longestOfDead + i),
    },
  ]);
  return Object.fromEntries(holds) as Record<LockKind, LockHold>;
}

export function holdsText(holds: Readonly<Record<LockKind, LockHold>>): string {
  const texts = Object.entries(holds).map(
    ([kind, { ms, awakeMs, ofDeadMs }]) =>
      `${kind} ${ms.toFixed(1)} (${awakeMs.toFixed(1)}), of the dead ${ofDeadMs.toFixed(1)}`,
  );
  return `Locks, how long one thread had them while others slept for them, ms: ${texts.join('; ')}`;
}

export function stallsText(title: string, { calls, longest, histogram, byAction }: Stalls): string {
  const text = ({ ms, awakeMs }: Longest): string => `${ms.toFixed(1)} (${awakeMs.toFixed(1)})`;
  const slow = Object.entries(histogram)
    .filter(([us]) => Number(us) >= 1024)
    .map(([us, count]) => `${Math.round(Number(us) / 1024)} ms: ${count}`);
  const kinds = Object.entries(byAction).map(([action, one]) => `${action} ${text(one)}`);
  return [
    `${title}: ${calls} calls for single blocks, the longest took ${text(longest)} ms`,
    `  at least so long, and less than twice: ${slow.join(', ') || 'none of a millisecond'}`,
    ...(kinds.length > 1 ? [`  longest by kind, ms: ${kinds.join(', ')}`] : []),
  ].join('\n');
}
