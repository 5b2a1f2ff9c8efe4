// C's out-parameters.

import { VmemError } from '@vmem-ts/allocator';

/** Where C takes a pointer to a variable that it writes. */
export interface Out<T> {
  value: T;
}

/** @throws VmemError EINVAL if there is nowhere to write */
export function requireOut(out: unknown, name: string): void {
  if (typeof out === 'object' && out !== null) return;
  throw new VmemError('EINVAL', `${name}: expected an object whose value is set, such as { value: null }`);
}
