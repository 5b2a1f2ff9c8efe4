// What others throw, as errors of the pool.

import { types } from 'node:util';
import { VmemError } from '@vmem-ts/allocator';

/**
 * A failed system call as a VmemError with its code, and with what was attempted in the message. Anything else stays what
 * it is: a VmemError, a defect.
 */
export function asVmemError(error: unknown, what: string): unknown {
  // not `instanceof Error`: an error of Node's own is of another realm where the caller's code runs in a context of `vm`
  if (error instanceof VmemError || !types.isNativeError(error)) return error;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error;
  return new VmemError(code, `${what}: ${error.message}`, { cause: error });
}

/** The result of `act`; failed system calls are thrown as VmemErrors. */
export function failingAs<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw asVmemError(error, what);
  }
}
