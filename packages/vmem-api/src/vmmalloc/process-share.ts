// What the threads of a process have in common without passing it by hand: the environment as it was read first, and what
// came of making the pool.
//
// The first thread that loads this module makes the share. Its workers, and theirs, find it in their environment data
// (worker_threads, setEnvironmentData), which a worker gets a copy of when it is started. A copy can't be changed later, and
// a thread may be busy for ever, so a worker must not be started without the pool's handle: the outcome is an accessor,
// which is called when the copy is made, and then the first thread makes the pool, if it has not used it before. So no
// two threads ever make one, and nobody waits for another one.
//
// That is one pool for the process if the main thread loads this before it starts workers that do. Otherwise there is one
// for each thread that finds no share, and the workers below it.

import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type { VmemHandle } from '../pool/handle';
import type { Variables } from './environment';

/** Changes with what it names. */
const KEY = '@vmem-ts/vmem-api vmmalloc 1';

/** The pool's handle, or the message why there is none: the process ends with it when the pool is used. */
export type Outcome = VmemHandle | string;

interface Share {
  readonly variables: Variables;
  readonly outcome: Outcome;
}

const inherited = getEnvironmentData(KEY) as Share | undefined;

/** False where another thread has made the share. */
export const isFirstThread = inherited === undefined;
/** The environment's variables as the first thread has read them. */
export const variables: Variables = inherited?.variables ?? ownVariables();

/**
 * What the first thread has left to this one; undefined in the first thread. If that thread has loaded the package twice,
 * the second one makes the first one make the pool.
 */
export const inheritedOutcome = (): Outcome | undefined => inherited?.outcome;

function ownVariables(): Variables {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('VMMALLOC_')));
}

/** Has the workers that this thread starts from now on inherit the share, with what `outcomeNow` returns then. */
export function bequeath(outcomeNow: () => Outcome): void {
  const share: Share = {
    variables,
    get outcome() {
      return outcomeNow();
    },
  };
  setEnvironmentData(KEY, share);
}
