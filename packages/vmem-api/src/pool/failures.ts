// Failures of the system as errors of the pool: same code, with what was attempted in the message.

import { VmemError } from '@vmem-ts/allocator';

/** `error` itself if it is a VmemError or a defect; a failed system call becomes a VmemError with its code. */
export function asVmemError(error: unknown, what: string): unknown {
  if (error instanceof VmemError || !(error instanceof Error)) return error;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error;
  return new VmemError(code, `${what}: ${error.message}`, { cause: error });
}
