// The ways in which a thread ends in the middle of its work.

import { Script, createContext } from 'node:vm';
import type { Random } from '../support/random';

/** `timeout`: execution is cut short, like by `terminate`, but the thread lives on, again and again, before it ends. */
export const DEATHS = ['terminate', 'exit', 'error', 'memory', 'stack', 'timeout'] as const;
export type Death = (typeof DEATHS)[number];

/** How the `n`th is to die. Half by the first way, `terminate` if all are allowed: it strikes at any instant of any operation. */
export function wayOf(n: number, ways: readonly Death[] = DEATHS): Death {
  if (n % 2 === 0 || ways.length === 1) return ways[0];
  return ways[1 + (((n - 1) / 2) % (ways.length - 1))];
}

/** What a victim's V8 may have, and what is far more. */
export const HEAP_MIB = 24;
const HOARD_MIB = 128;

export const LAST_WORDS = 'meant to die';

const MOST_CUTS = 5;

/** Runs `step` until the thread is gone in that way, at the earliest after so many steps. */
export function dieBy(
  death: Death,
  after: number,
  random: Random,
  step: () => void,
  afterCut: () => void,
): never {
  for (let n = 0; n < after; n++) step();
  if (death === 'exit') process.exit(1);
  if (death === 'error') throw new Error(LAST_WORDS);
  if (death === 'memory') {
    const hoard: number[][] = [];
    while (hoard.length < HOARD_MIB * 64) {
      hoard.push(Array.from({ length: 2048 }, (_, i) => i + 0.5));
      step();
    }
    process.exit(1); // --max-old-space-size of the whole process stands above the thread's limit
  }
  if (death === 'stack') dive(step);
  if (death === 'timeout') {
    for (let cuts = 1 + random(MOST_CUTS); cuts > 0; cuts--) {
      cutShort(step, 1 + random(4));
      afterCut();
      for (let n = 0; n < after; n++) step();
    }
    process.exit(1);
  }
  for (;;) step();
}

/** The stack becomes full somewhere in a step: `step` needs far more of it than this function. */
function dive(step: () => void): never {
  step();
  return dive(step);
}

const script = new Script('for (;;) step()');

function cutShort(step: () => void, milliseconds: number): void {
  try {
    script.runInContext(createContext({ step }), { timeout: milliseconds });
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
  }
}

/** Whether an error that ended a thread is the one that it was to die of. */
export function isMeant(death: Death, error: Error & { code?: string }): boolean {
  if (death === 'error') return error.message === LAST_WORDS;
  if (death === 'memory') return error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return death === 'stack' && error.name === 'RangeError' && /call stack/.test(error.message);
}
