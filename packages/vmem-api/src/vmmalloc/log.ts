// What libvmmalloc tells, by VMMALLOC_LOG_LEVEL: 1 details of errors, 2 the pool that is made, 3 what threads do about it,
// 4 every allocation and every block given back. Modules keep the answer to "is it told?" in a constant of theirs, which
// V8 folds, so that a log that is off costs nothing.

import { describe } from '@vmem-ts/allocator';
import { Log, LogLevel } from '../c/log';
import { variables } from './process-share';

export const log = new Log('libvmmalloc', 'VMMALLOC', variables);
log.begin();

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
