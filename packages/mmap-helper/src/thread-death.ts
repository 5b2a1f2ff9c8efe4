/*
 * The last will of a thread: words of shared memory that are written when it ends, whatever ends it.
 */
import { addon } from './addon.js';
import {
  outOfRange,
  requireInt32,
  requireObject,
  requireOneOf,
  requireWhole,
  wrongType,
} from './arguments.js';
import { allBytes } from './buffer-bytes.js';
import { requireResult } from './mmap-error.js';

/** An int32 of the buffer, and what happens to it. */
export interface DeathWord {
  /** In bytes from the buffer's start, a multiple of 4. */
  readonly byteOffset: number;
  /** `'store'` writes the value, `'add'` adds it (modulo 2^32): `Atomics.store` and `Atomics.add` on an Int32Array. */
  readonly op: 'store' | 'add';
  /** From -2^31 to 2^31-1. */
  readonly value: number;
}

export interface DeathWatch {
  /** Takes the will back: the words are not written. Later calls do nothing. */
  cancel(): void;
}

const OPERATIONS = ['store', 'add'] as const;

/**
 * Has `words` written, in their order, when the calling thread's JavaScript environment ends: by returning, an
 * uncaught error, `process.exit()`, `worker.terminate()` or out of memory. Native code does it on that thread, before
 * the parent's `'exit'` event, and also while the parent is busy; not when the whole process is killed (SIGKILL), nor
 * on `process.exit()` of the main thread. Threads in `Atomics.wait` on a word are not woken.
 *
 * The buffer stays in memory until then, or until `cancel()`. An ArrayBuffer that was detached is left out.
 *
 * @throws TypeError, RangeError: arguments, and words outside the buffer; MmapError: ENOMEM
 */
export function onThreadDeath(
  buffer: SharedArrayBuffer | ArrayBuffer,
  words: readonly DeathWord[],
): DeathWatch {
  if (!Array.isArray(words)) throw wrongType('words', 'an array', words);
  const flat = (words as unknown[]).flatMap(flatten);
  const bytes = allBytes(buffer);
  for (let index = 0; index < flat.length; index += 3) {
    const byteOffset = flat[index]!;
    if (byteOffset + 4 > bytes.length) {
      throw outOfRange('byteOffset', `at least 4 below the buffer's ${bytes.length} bytes`, byteOffset);
    }
  }
  const id = requireResult(addon().startWatch(bytes, flat), {});
  let isOn = true;
  return {
    cancel() {
      if (isOn) addon().cancelWatch(id);
      isOn = false;
    },
  };
}

/** A word as native code takes it: three numbers. */
function flatten(word: unknown, index: number): number[] {
  const name = `words[${index}]`;
  const fields = requireObject(word, name) as Record<keyof DeathWord, unknown>;
  const byteOffset = requireWhole(fields.byteOffset, `${name}.byteOffset`);
  if (byteOffset % 4 !== 0) throw outOfRange(`${name}.byteOffset`, 'a multiple of 4', byteOffset);
  const op = requireOneOf(fields.op, `${name}.op`, OPERATIONS);
  return [byteOffset, op === 'add' ? 1 : 0, requireInt32(fields.value, `${name}.value`)];
}
