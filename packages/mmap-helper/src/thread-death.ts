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
import { lastingBytes } from './buffer-bytes.js';
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

/** Words that are written when the thread dies. */
export interface DeathWatch {
  /** Takes the will back: the words are not written. Later calls do nothing. */
  cancel(): void;
}

const OPERATIONS = ['store', 'add'] as const;
const MAX_WORDS = 1024;
const NUMBERS_A_WORD = 3;

/**
 * Has `words` written, in their order, when the calling thread's JavaScript environment ends: by returning, an
 * uncaught error, `process.exit()`, `worker.terminate()` or out of memory. Native code does it on that thread, before
 * the parent's `'exit'` event, and also while the parent is busy; not when the whole process is killed (SIGKILL), nor
 * on `process.exit()` of the main thread. Threads in `Atomics.wait` on a word are not woken.
 *
 * The buffer stays in memory until then, or until `cancel()`. The words of an ArrayBuffer are left out if it is detached
 * by then, as Node does to those over foreign memory; one of `mapFile` is refused.
 *
 * @param words from 1 to 1024
 * @throws TypeError, RangeError: arguments, and words outside the buffer; MmapError: ENOMEM
 */
export function onThreadDeath(
  buffer: SharedArrayBuffer | ArrayBuffer,
  words: readonly DeathWord[],
): DeathWatch {
  const flat = flatten(words);
  const bytes = lastingBytes(buffer);
  const lastOffset = bytes.length - 4;
  for (let index = 0; index < flat.length; index += NUMBERS_A_WORD) {
    const byteOffset = flat[index];
    if (byteOffset > lastOffset) {
      throw outOfRange('byteOffset of a word', `inside the buffer, at most ${lastOffset}`, byteOffset);
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

/**
 * Takes back the wills of all threads of the process that would write into a range of the buffer, whole wills also where
 * only one word lies in it. None of them writes there after the call, however near its thread is to its end: so the
 * memory may be used for something else. The threads keep their `DeathWatch`, and the buffer, until `cancel()`.
 *
 * @returns how many wills that were
 * @throws TypeError, RangeError: arguments
 */
export function cancelThreadDeaths(
  buffer: SharedArrayBuffer | ArrayBuffer,
  byteOffset: number,
  length: number,
): number {
  const start = requireWhole(byteOffset, 'byteOffset');
  const range = lastingBytes(buffer, start, requireWhole(length, 'length', 1));
  return addon().cancelWatchesInside(range);
}

/** The words as native code takes them. Each property is read once: an accessor can't answer twice. */
function flatten(words: unknown): number[] {
  if (!Array.isArray(words)) throw wrongType('words', 'an array', words);
  const count = requireWhole(words.length, 'words.length', 1, MAX_WORDS);
  const flat: number[] = [];
  for (let index = 0; index < count; index++) {
    const name = `words[${index}]`;
    const word = requireObject(words[index], name) as Record<keyof DeathWord, unknown>;
    const byteOffset = requireWhole(word.byteOffset, `${name}.byteOffset`);
    if (byteOffset % 4 !== 0) throw outOfRange(`${name}.byteOffset`, 'a multiple of 4', byteOffset);
    const op = requireOneOf(word.op, `${name}.op`, OPERATIONS);
    flat.push(byteOffset, op === 'add' ? 1 : 0, requireInt32(word.value, `${name}.value`));
  }
  return flat;
}
