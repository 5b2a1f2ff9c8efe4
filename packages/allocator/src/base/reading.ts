// Reading objects of the caller's.

import { VmemError, describe } from './errors';

/**
 * What `read` makes of the properties of a caller's object. Errors that the caller's own accessors throw come through;
 * those of the language, such as that of a revoked proxy, are EINVAL.
 */
export function readingFrom<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isTypeError(error)) throw error;
    throw new VmemError('EINVAL', `${name}: it can't be read: ${error.message}`, { cause: error });
  }
}

/** @throws VmemError EINVAL if `value`, which the caller knows as `name`, is no object */
export function requireObject(name: string, value: unknown): object {
  if (typeof value === 'object' && value !== null) return value;
  throw new VmemError('EINVAL', `${name}: expected an object, got ${describe(value)}`);
}

/** Not by `instanceof`: where the caller's code runs in a context of `vm`, it is of another realm. */
function isTypeError(error: unknown): error is TypeError {
  try {
    return (
      Object.prototype.toString.call(error) === '[object Error]' && (error as Error).name === 'TypeError'
    );
  } catch {
    return false; // nothing can be asked of a proxy that was revoked
  }
}
