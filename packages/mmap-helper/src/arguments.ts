/*
 * Checks of what callers pass, made before anything else happens. The wrong type is a TypeError with the code
 * ERR_INVALID_ARG_TYPE, a number outside its range (or no whole number) a RangeError with ERR_OUT_OF_RANGE.
 */

const MAX_INT32 = 2 ** 31 - 1;

class ArgumentTypeError extends TypeError {
  readonly code = 'ERR_INVALID_ARG_TYPE';
}

class ArgumentRangeError extends RangeError {
  readonly code = 'ERR_OUT_OF_RANGE';
}

export function wrongType(name: string, expected: string, got: unknown): TypeError {
  return new ArgumentTypeError(`expected ${name} to be ${expected}, got ${describe(got)}`);
}

export function outOfRange(name: string, expected: string, got: unknown): RangeError {
  return new ArgumentRangeError(`expected ${name} to be ${expected}, got ${describe(got)}`);
}

/** Words for a value, without running code of its own. */
function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/** A whole number from `min` to `max`. */
export function requireWhole(
  value: unknown,
  name: string,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw outOfRange(name, `a whole number from ${min} to ${max}`, value);
  }
  return value;
}

export function requireInt32(value: unknown, name: string): number {
  return requireWhole(value, name, -MAX_INT32 - 1, MAX_INT32);
}

/** A number that could be a file descriptor. Whether it is one, the kernel knows (EBADF). */
export function requireFd(value: unknown): number {
  return requireWhole(value, 'fd', 0, MAX_INT32);
}

/** A process or thread number. */
export function requireThreadNumber(value: unknown, name: string): number {
  return requireWhole(value, name, 1, MAX_INT32);
}

/** A range of a file: its end, too, is a safe integer. */
export function requireFileRange(offset: unknown, length: unknown): { offset: number; length: number } {
  const start = requireWhole(offset, 'offset', 0, Number.MAX_SAFE_INTEGER - 1);
  return { offset: start, length: requireWhole(length, 'length', 1, Number.MAX_SAFE_INTEGER - start) };
}

export function requirePath(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  if (value === '' || value.includes('\0')) throw outOfRange(name, 'a path without a zero byte', value);
  return value;
}

export function requireOneOf<T extends string>(value: unknown, name: string, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw wrongType(name, `one of '${allowed.join("', '")}'`, value);
  return found;
}

export function requireBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
  return value;
}

export function requireObject(value: unknown, name: string): object {
  if (typeof value !== 'object' || value === null) throw wrongType(name, 'an object', value);
  return value;
}
