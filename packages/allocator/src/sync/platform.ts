// What the machine guarantees about the order of plain stores.

const arch = (globalThis as { process?: { arch?: unknown } }).process?.arch;

/**
 * True where a plain store makes all earlier stores visible first (x86's total store order), so that it may
 * release a lock. V8 does not move typed-array stores past each other. Elsewhere the release is an Atomics
 * store.
 */
export const STORES_IN_ORDER: boolean = arch === 'x64' || arch === 'ia32';

/**
 * Stores so that whoever sees the value sees all that this thread stored before. Where a plain store does that, V8
 * can't stop the thread between it and the plain stores before it, as it can on entry to an Atomics call.
 */
export function storeRelease(words: Int32Array, index: number, value: number): void {
  if (STORES_IN_ORDER) words[index] = value;
  else Atomics.store(words, index, value);
}
