// What libvmem tells of its calls, by VMEM_LOG_LEVEL: 1 details of errors, 2 what is done to pools, 3 every call, 4 what
// calls return and what is allocated on the side, too. Modules keep the answer to "is it told?" in a constant of theirs,
// which V8 folds, so that a log that is off costs nothing.

import { VmemError, describe } from '@vmem-ts/allocator';
import { Log, LogLevel } from '../c/log';
import { isVmem } from '../vmem';
import { nameOf } from './pool-record';

export const log = new Log('libvmem', 'VMEM');
log.begin();

export function traceCall(level: LogLevel, name: string, ...args: readonly unknown[]): void {
  log.line(level, name, args.map(words).join(', '));
}

/** Returns `result`. */
export function traceResult<T>(name: string, result: T, level = LogLevel.everything): T {
  log.line(level, name, `returns ${words(result)}`);
  return result;
}

function words(value: unknown): string {
  if (isVmem(value)) return nameOf(value);
  return value === null ? 'NULL' : describe(value);
}

/** `log.failed` for a call with what should be a pool. If it is none, that is why. */
export function failedIn<T>(name: string, vmp: unknown, error: unknown, result: T): T {
  const reason = isVmem(vmp) ? error : new VmemError('EINVAL', `vmp: expected a pool, got ${describe(vmp)}`);
  return log.failed(name, reason, result);
}
