// What libvmem tells of its calls, by VMEM_LOG_LEVEL: 1 details of errors, 2 what is done to pools, 3 every call, 4 what
// calls return and what is allocated on the side, too. Modules keep the answer to "is it told?" in a constant of theirs,
// which V8 folds, so that a log that is off costs nothing.

import { VmemError, describe } from '@vmem-ts/allocator';
import { errorMessage, remember } from '../c/errno';
import { Log, LogLevel } from '../c/log';
import { Vmem } from '../vmem';
import { nameOf } from './pool-record';

export const log = new Log('libvmem', 'VMEM');

/** @param vmp undefined for a function that takes none */
export function traceCall(level: LogLevel, name: string, vmp?: unknown, ...args: readonly unknown[]): void {
  const words = vmp === undefined ? [] : [nameOf(vmp)];
  log.line(level, name, [...words, ...args.map(describe)].join(', '));
}

/** Returns `result`. */
export function traceResult<T>(name: string, result: T, level = LogLevel.everything): T {
  log.line(level, name, `returns ${result instanceof Vmem ? nameOf(result) : describe(result)}`);
  return result;
}

/**
 * The call failed: keeps errno and the message, and returns `result`. What is no error of the pool's comes through.
 * @param vmp what the caller passed for a pool; undefined for a function that takes none
 */
export function failed<T>(name: string, vmp: unknown, error: unknown, result: T): T {
  const isPool = vmp === undefined || vmp instanceof Vmem;
  remember(isPool ? error : new VmemError('EINVAL', `vmp: expected a pool, got ${describe(vmp)}`));
  if (log.level >= LogLevel.errors) log.line(LogLevel.errors, name, errorMessage());
  return result;
}

/** Memory is out: the same, and returns NULL. */
export function outOfMemory(name: string, vmp: unknown, size: number): 0 {
  return failed(name, vmp, new VmemError('ENOMEM', `no memory for ${describe(size)} bytes in the pool`), 0);
}
