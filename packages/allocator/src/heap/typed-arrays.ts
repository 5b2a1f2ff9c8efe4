// What `alloc` and `view` accept as a type of array.

import { VmemError, describe } from '../base/errors';

/** A constructor of views on a buffer: `Uint8Array`, `Float64Array`, `BigInt64Array` and their like. */
export interface TypedArrayConstructor<T extends ArrayBufferView = ArrayBufferView> {
  new (buffer: SharedArrayBuffer | ArrayBuffer, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/**
 * Bytes of `length` elements of `Type`.
 * @throws VmemError EINVAL if `Type` is no typed array's constructor or `length` no whole number >= 0
 */
export function bytesOf(Type: unknown, length: unknown): number {
  const size: unknown =
    typeof Type === 'function' ? (Type as { BYTES_PER_ELEMENT?: unknown }).BYTES_PER_ELEMENT : 0;
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) {
    throw new VmemError(
      'EINVAL',
      `expected a typed array's constructor, such as Uint8Array, got ${describe(Type)}`,
    );
  }
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0) {
    throw new VmemError('EINVAL', `length: expected a whole number >= 0, got ${describe(length)}`);
  }
  return size * length;
}
