// Views of a caller's own type: heirs of typed arrays, those of another realm, and what only looks like one. Their code
// is the caller's, so the heap makes a plain view, and what the caller's constructor makes of the same place is checked.

import { VmemError, describe, readingFrom, type TypedArrayConstructor } from '@vmem-ts/allocator';
import { placeOf } from './buffers';

/** True for a typed array of the language itself, which needs none of this. */
export function isBuiltIn(Type: unknown): boolean {
  return (
    Type === Uint8Array ||
    Type === Float64Array ||
    Type === Int32Array ||
    Type === Uint32Array ||
    Type === Float32Array ||
    Type === Int8Array ||
    Type === Uint8ClampedArray ||
    Type === Int16Array ||
    Type === Uint16Array ||
    Type === BigInt64Array ||
    Type === BigUint64Array
  );
}

type PlainView = Uint8Array | Uint16Array | Uint32Array | Float64Array;

const OF_SIZE: ReadonlyMap<unknown, TypedArrayConstructor<PlainView>> = new Map<
  unknown,
  TypedArrayConstructor<PlainView>
>([
  [1, Uint8Array],
  [2, Uint16Array],
  [4, Uint32Array],
  [8, Float64Array],
]);

/**
 * The built-in type with elements of the size that `Type` says it has.
 * @throws VmemError EINVAL
 */
export function standInFor(Type: unknown): TypedArrayConstructor<PlainView> {
  const size: unknown =
    typeof Type === 'function'
      ? readingFrom('Type', () => (Type as Partial<TypedArrayConstructor>).BYTES_PER_ELEMENT)
      : undefined;
  const standIn = OF_SIZE.get(size);
  if (standIn !== undefined) return standIn;
  throw new VmemError(
    'EINVAL',
    `expected a typed array's constructor, such as Uint8Array, got ${describe(Type)}`,
  );
}

/**
 * A view of `Type` on the place of `plain`.
 * @throws VmemError EINVAL if its constructor makes anything else, or throws
 */
export function asViewOf<T extends ArrayBufferView>(
  Type: TypedArrayConstructor<T>,
  { buffer, byteOffset, byteLength, length }: PlainView,
): T {
  let made: T;
  try {
    made = new Type(buffer, byteOffset, length) as T;
  } catch (error) {
    throw new VmemError('EINVAL', 'Type: its constructor throws', { cause: error });
  }
  const place = placeOf(made);
  if (place?.buffer === buffer && place.byteOffset === byteOffset && place.byteLength === byteLength) {
    return made;
  }
  throw new VmemError('EINVAL', `Type: its constructor makes no view of ${length} elements on a block`);
}
