// How functions with C names report what went wrong: a number that stays until the next failure, and words for it.
// errno(3). Each thread has its own.

import { constants } from 'node:os';
import { VmemError } from '@vmem-ts/allocator';

/** Numbers for what C leaves undefined. */
const BEYOND_C: Readonly<Record<string, keyof typeof constants.errno>> = {
  EBADPTR: 'EFAULT',
  EDOUBLEFREE: 'EFAULT',
  ECLOSED: 'EBADF',
  ECORRUPT: 'EIO',
};

let lastNumber = 0;
let lastMessage = '';

/** Number of this thread's last error, as `os.constants.errno` has them; 0 before the first. No success changes it. */
export function errno(): number {
  return lastNumber;
}

/** Sets it, as C programs do before a call whose failure they can't tell otherwise. */
export function setErrno(value: number): void {
  lastNumber = value;
}

/** Words for this thread's last error; empty before the first. */
export function errorMessage(): string {
  return lastMessage;
}

/**
 * Remembers `error` as this thread's last. What is no `VmemError` was thrown by code of the caller's, and is thrown on.
 */
export function remember(error: unknown): void {
  if (!(error instanceof VmemError)) throw error;
  lastNumber = errnoOf(error);
  lastMessage = error.message;
}

/** Remembers words alone: for what is told by a result, and sets no errno in C. */
export function rememberMessage(text: string): void {
  lastMessage = text;
}

/** The number that C has for it. */
export function errnoOf({ code }: VmemError): number {
  const numbers: Readonly<Record<string, number | undefined>> = constants.errno;
  return numbers[BEYOND_C[code] ?? code] ?? constants.errno.EIO;
}
