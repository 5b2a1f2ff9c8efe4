// What `alloc` and `view` accept as a type of array.

import { VmemError, describe } from '../base/errors';

/**
 * A constructor of views on a buffer: `Uint8Array`, `Float64Array`, `BigInt64Array` and their like. Its views are of the type of
 * its prototype: what `new` gives is typed as a view on an ArrayBuffer, which a heap's memory need not be.
 */
export interface TypedArrayConstructor<T extends ArrayBufferView = ArrayBufferView> {
  new (buffer: SharedArrayBuffer | ArrayBuffer, byteOffset: number, length: number): ArrayBufferView;
  readonly prototype: T;
  readonly BYTES_PER_ELEMENT: number;
}

/** Of any realm, and subclasses; `DataView` has no elements and is none. */
function isTypedArray(Type: unknown): Type is { BYTES_PER_ELEMENT: unknown } {
  if (typeof Type !== 'function') return false;
  try {
    const prototype = Type.prototype as { subarray?: unknown; BYTES_PER_ELEMENT?: unknown } | undefined;
    return typeof prototype?.subarray === 'function' && typeof prototype.BYTES_PER_ELEMENT === 'number';
  } catch (error) {
    if (error instanceof TypeError) return false; // a proxy that was revoked
    throw error; // what the caller's own code throws
  }
}

/**
 * Bytes of `length` elements of `Type`.
 * @throws VmemError EINVAL if `Type` is no typed array's constructor or `length` no whole number >= 0
 */
export function bytesOf(Type: unknown, length: unknown): number {
  const size: unknown = isTypedArray(Type) ? Type.BYTES_PER_ELEMENT : 0;
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
