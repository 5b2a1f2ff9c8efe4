// What libvmem tells of its calls, by VMEM_LOG_LEVEL: 1 details of errors, 2 what is done to pools, 3 every call, 4 what
// calls return and what is allocated on the side, too. Modules keep the answer to "is it told?" in a constant of theirs,
// which V8 folds, so that a log that is off costs nothing.

import { VmemError, describe } from '@vmem-ts/allocator';
import { errorMessage, remember } from '../c/errno';
import { Log, LogLevel } from '../c/log';
import { isVmem } from '../vmem';
import { nameOf } from './pool-record';

export const log = new Log('libvmem', 'VMEM');
if (log.level >= LogLevel.errors) {
  const program = process.argv[1] ?? 'no file';
  const { node } = process.versions;
  log.line(LogLevel.errors, 'libvmem', `process ${process.pid}, Node.js ${node}, program ${program}`);
}

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

/** The call failed: keeps errno and the message, and returns `result`. What is no `VmemError` comes through. */
export function failed<T>(name: string, error: unknown, result: T): T {
  remember(error);
  if (log.level >= LogLevel.errors) log.line(LogLevel.errors, name, errorMessage());
  return result;
}

/** The same for a call with what should be a pool. If it is none, that is why. */
export function failedIn<T>(name: string, vmp: unknown, error: unknown, result: T): T {
  const reason = isVmem(vmp) ? error : new VmemError('EINVAL', `vmp: expected a pool, got ${describe(vmp)}`);
  return failed(name, reason, result);
}

/** Memory is out: the same, and returns NULL. */
export function outOfMemory(name: string, size: number): 0 {
  return failed(name, new VmemError('ENOMEM', `no memory for ${describe(size)} bytes in the pool`), 0);
}
