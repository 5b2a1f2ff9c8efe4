// What the machine guarantees about the order of plain stores.

const arch = (globalThis as { process?: { arch?: unknown } }).process?.arch;

/**
 * True where a plain store makes all earlier stores visible first (x86's total store order), so that it may
 * release a lock. V8 does not move typed-array stores past each other. Elsewhere the release is an Atomics
 * store.
 */
export const STORES_IN_ORDER: boolean = arch === 'x64' || arch === 'ia32';
