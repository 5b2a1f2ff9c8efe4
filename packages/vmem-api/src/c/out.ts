// C's out-parameters.

import { VmemError, readingFrom } from '@vmem-ts/allocator';

/** Where C takes a pointer to a variable that it writes. */
export interface Out<T> {
  value: T;
}

/** @throws VmemError EINVAL if there is nowhere to write */
export function requireOut(out: unknown, name: string): void {
  if (typeof out === 'object' && out !== null) return;
  throw new VmemError('EINVAL', `${name}: expected an object whose value is set, such as { value: null }`);
}

/**
 * Writes the result of a call. Where that fails `undo` takes back what the call has made, which nobody would learn of.
 * @throws VmemError EINVAL if `value` can't be set; what a setter of the caller's throws comes through
 */
export function setOut<T>(
  out: Out<T>,
  value: T,
  name: string,
  undo: (value: T) => void = () => undefined,
): void {
  let isSet = false;
  try {
    isSet = readingFrom(name, () => Reflect.set(out, 'value', value));
  } finally {
    if (!isSet) undo(value);
  }
  if (!isSet) throw new VmemError('EINVAL', `${name}: its value can't be set`);
}
