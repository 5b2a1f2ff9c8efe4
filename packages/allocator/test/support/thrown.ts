// What a call throws, so that its class and code can be looked at.

import { VmemError } from '@vmem-ts/allocator';

/** The code of the VmemError that `call` throws. */
export function codeOf(call: () => unknown): string {
  try {
    const result = call();
    return `no error but ${String(result)}`;
  } catch (error) {
    if (error instanceof VmemError) return error.code;
    throw error;
  }
}
