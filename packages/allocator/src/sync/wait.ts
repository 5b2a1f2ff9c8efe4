// Sleeping until a word of shared memory changes.

import { PlainShared, PlainWords } from '../base/built-in';

const nap = new PlainWords(new PlainShared(4));

/**
 * Sleeps while `words[index] === value`, `milliseconds` at most; may wake early. Memory that is not a
 * SharedArrayBuffer can't be waited on: there it naps for a millisecond at most. Where the thread may not block, it returns.
 */
export function waitWhile(words: Int32Array, index: number, value: number, milliseconds: number): void {
  try {
    if (words.buffer instanceof SharedArrayBuffer) {
      // acquires what the notifier released before; partner: Atomics.notify in `unlock`
      Atomics.wait(words as Int32Array<SharedArrayBuffer>, index, value, milliseconds);
    } else {
      Atomics.wait(nap, 0, 0, Math.min(milliseconds, 1));
    }
  } catch (error) {
    // A browser's main thread may not block: its caller goes on spinning. Anything else is a defect.
    if (!(error instanceof TypeError)) throw error;
  }
}
