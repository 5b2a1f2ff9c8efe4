// A collection of the buffers that live shortly. V8 makes one by itself when enough memory of ArrayBuffers is young, and does
// not count that of lent ones, which would wait for a collection of all garbage, thirty times as long.
//
// V8 gives the function for it to contexts that are made under an option, which holds for the whole process. So only the main
// thread takes it, before the program runs: a worker that was started meanwhile would have the function for all to see.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

type Collect = (options: { readonly type: 'minor'; readonly execution: 'sync' }) => void;

const collect = (globalThis as { gc?: Collect }).gc ?? (isMainThread ? hiddenCollect() : undefined);

/** Collects young garbage of the main thread, in less than a millisecond if little of it lives; that of workers waits. */
export function collectYoungGarbage(): void {
  collect?.({ type: 'minor', execution: 'sync' });
}

function hiddenCollect(): Collect | undefined {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('typeof gc === "function" ? gc : undefined') as Collect | undefined;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
