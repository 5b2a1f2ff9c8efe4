// What libvmmalloc tells, by VMMALLOC_LOG_LEVEL: 1 details of errors, 2 the pool that is made, 3 what threads do about it,
// 4 every allocation and every block given back. Modules keep the answer to "is it told?" in a constant of theirs, which
// V8 folds, so that a log that is off costs nothing.

import { VmemError, describe } from '@vmem-ts/allocator';
import { errorMessage, remember } from '../c/errno';
import { Log, LogLevel } from '../c/log';
import { variables } from './process-share';

export const log = new Log('libvmmalloc', 'VMMALLOC', variables);
if (log.level >= LogLevel.errors) {
  const program = process.argv[1] ?? 'no file';
  const { node } = process.versions;
  log.line(LogLevel.errors, 'libvmmalloc', `process ${process.pid}, Node.js ${node}, program ${program}`);
}

/** Whether allocations are told: the functions below are called only then. */
export const LOGS_ALLOCATIONS = log.level >= LogLevel.everything;

let isLogging = false;

/** A line about a block, told by the C function `name`. */
export function logBlock(name: string, text: string): void {
  // with the preload, a line may take memory from the pool itself
  if (isLogging) return;
  isLogging = true;
  try {
    log.line(LogLevel.everything, name, text);
  } finally {
    isLogging = false;
  }
}

/** A block of `size` bytes was asked for. */
export function logAllocation(size: number): void {
  logBlock('malloc', `size ${describe(size)}`);
}

/** The block at `ptr` goes back. */
export function logFree(ptr: number): void {
  logBlock('free', `ptr ${pointer(ptr)}`);
}

/** A pointer as C prints it. */
export function pointer(ptr: unknown): string {
  const isPointer = typeof ptr === 'number' && Number.isSafeInteger(ptr) && ptr >= 0;
  return isPointer ? `0x${ptr.toString(16)}` : describe(ptr);
}

/** The call failed: keeps errno and the message, and returns `result`. What is no `VmemError` comes through. */
export function failed<T>(name: string, error: unknown, result: T): T {
  remember(error);
  if (log.level >= LogLevel.errors) log.line(LogLevel.errors, name, errorMessage());
  return result;
}

/** Memory is out: the same, and returns NULL. */
export function outOfMemory(name: string, size: number): 0 {
  return failed(name, new VmemError('ENOMEM', `no memory for ${describe(size)} bytes in the pool`), 0);
}
