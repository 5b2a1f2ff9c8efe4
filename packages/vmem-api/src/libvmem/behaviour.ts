// The library as a whole: its version, its functions on the side, its last error. libvmem(7)

import { VmemError, describe } from '@vmem-ts/allocator';
import { errorMessage, rememberMessage } from '../c/errno';
import { LogLevel, type PrintFunc } from '../c/log';
import { log, traceCall } from './log';
import {
  DEFAULT_FUNCTIONS,
  useFunctions,
  type FreeFunc,
  type MallocFunc,
  type ReallocFunc,
  type StrdupFunc,
} from './side-memory';

/** Of libvmem's interface that this is. */
export const VMEM_MAJOR_VERSION = 1;
export const VMEM_MINOR_VERSION = 1;

const ERRORS = log.level >= LogLevel.errors;
const CALLS = log.level >= LogLevel.calls;

/**
 * null if this library has the interface of that version: the same major one, and no older minor one. Otherwise words for
 * what is wrong, which are `vmem_errormsg()`, too; errno stays. `vmem_check_versionU` and `vmem_check_versionW` are the same
 * function. libvmem(7)
 */
export function vmem_check_version(major_required: number, minor_required: number): string | null {
  if (CALLS) traceCall(LogLevel.calls, 'vmem_check_version', major_required, minor_required);
  const isMajor = major_required === VMEM_MAJOR_VERSION;
  const isMinor = Number.isInteger(minor_required) && minor_required >= 0;
  if (isMajor && isMinor && minor_required <= VMEM_MINOR_VERSION) return null;
  const message = isMajor
    ? mismatch('minor', minor_required, VMEM_MINOR_VERSION)
    : mismatch('major', major_required, VMEM_MAJOR_VERSION);
  rememberMessage(message);
  if (ERRORS) log.line(LogLevel.errors, 'vmem_check_version', message);
  return message;
}

const mismatch = (part: string, required: unknown, found: number): string =>
  `libvmem ${part} version mismatch (need ${describe(required)}, found ${found})`;

/**
 * Words for the last error of this thread; empty before the first. They are of a call that has just failed: success does
 * not take them back. `vmem_errormsgU` and `vmem_errormsgW` are the same function. libvmem(7)
 */
export function vmem_errormsg(): string {
  return errorMessage();
}

/**
 * Exchanges functions that the library uses in the calling thread; null restores a default. libvmem(7)
 *
 * The first four have what the library allocates on the side, which is little: with each VMEM some bytes (`malloc_func`) and
 * the name of what it was made in (`strdup_func`), until `vmem_delete` or `vmem_detach` (`free_func`); and the text of
 * `vmem_stats_print` while that runs (`malloc_func`, `realloc_func`, `free_func`). Blocks are `Uint8Array`s, so that they may
 * lie in a pool: `(size) => pool.alloc(Uint8Array, size)`. Where one returns NULL, the call fails with ENOMEM and leaves
 * nothing behind. A block goes back by the functions with which it came, also when others are set meanwhile.
 *
 * `print_func` gets all text of `vmem_stats_print` and of the log, in place of stderr or VMEM_LOG_FILE. What it logs itself
 * by calls of this library goes there nonetheless.
 *
 * What these functions throw comes through. errno is EINVAL, and nothing is changed, if one is neither a function nor null.
 */
export function vmem_set_funcs(
  malloc_func: MallocFunc | null,
  free_func: FreeFunc | null,
  realloc_func: ReallocFunc | null,
  strdup_func: StrdupFunc | null,
  print_func: PrintFunc | null,
): void {
  const all = { malloc_func, free_func, realloc_func, strdup_func, print_func };
  if (CALLS) traceCall(LogLevel.calls, 'vmem_set_funcs', ...Object.values(all));
  for (const [name, value] of Object.entries<unknown>(all)) {
    if (typeof value === 'function' || value === null || value === undefined) continue;
    const error = new VmemError('EINVAL', `${name}: expected a function or null, got ${describe(value)}`);
    log.failed('vmem_set_funcs', error, undefined);
    return;
  }
  const { malloc, free, realloc, strdup } = DEFAULT_FUNCTIONS;
  useFunctions({
    malloc: malloc_func ?? malloc,
    free: free_func ?? free,
    realloc: realloc_func ?? realloc,
    strdup: strdup_func ?? strdup,
  });
  log.printTo(print_func ?? undefined);
}
