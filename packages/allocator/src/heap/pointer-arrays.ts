// Arrays that callers keep pointers in: what `mallocMany` fills and `freeMany` reads. What an array is, is asked of
// the language's own accessors, taken when this module was loaded: an object can lie about itself, but not to them.

import { accessor, sharedLength } from '../base/accessor';
import { VmemError, describe } from '../base/errors';
import type { Region } from '../layout/region';
import { Identity } from '../layout/region-layout';
import { blockAt } from './blocks';

/** An array of pointers. One of 32-bit numbers does for a heap that is no larger than what they can count. */
export type PointerArray = Float64Array | Uint32Array | Int32Array | number[];
/** Arrays of numbers that no code of a caller's runs for. */
export type PointerWords = Exclude<PointerArray, number[]>;

const typedArrays = Object.getPrototypeOf(Uint8Array.prototype) as object;
const typeName = accessor(typedArrays, Symbol.toStringTag);
const lengthOf = accessor<number>(typedArrays, 'length');
const bufferOf = accessor<ArrayBufferLike>(typedArrays, 'buffer');
const byteOffsetOf = accessor<number>(typedArrays, 'byteOffset');
const isList: (value: unknown) => boolean = Array.isArray;

/** Bytes of a heap whose every pointer the elements of a typed array can hold. */
function reachOf(type: unknown): number {
  switch (type) {
    case 'Float64Array':
      return 2 ** 53;
    case 'Uint32Array':
      return 2 ** 32;
    case 'Int32Array':
      return 2 ** 31;
    default:
      return 0;
  }
}

/**
 * The typed array that `value` is, or undefined if it is an array of numbers.
 * @throws VmemError EINVAL for anything else, and for elements that can't hold every pointer of the heap
 */
export function wordsOf(name: string, value: unknown, region: Region): PointerWords | undefined {
  const type = typeName(value);
  const reach = reachOf(type);
  if (reach >= region.size) return value as PointerWords;
  if (reach > 0) {
    throw new VmemError(
      'EINVAL',
      `${name}: pointers of a heap of ${region.size} bytes don't fit the elements of a ${String(type)}`,
    );
  }
  if (isListOfNumbers(value)) return undefined;
  throw new VmemError(
    'EINVAL',
    `${name}: expected a Float64Array, Uint32Array, Int32Array or array, got ${describe(value)}`,
  );
}

function isListOfNumbers(value: unknown): boolean {
  try {
    return isList(value);
  } catch {
    return false; // a proxy that was revoked
  }
}

/** @throws VmemError EINVAL if the array has less than `count` elements */
export function requireLength(name: string, words: PointerWords, count: number): void {
  const length = lengthOf(words);
  if (count > length)
    throw new VmemError('EINVAL', `${name}: expected ${count} elements at least, got ${length}`);
}

/**
 * What to throw where storing element `index` threw `error`: that the array can't be written is told in words, what the
 * caller's own code threw is passed on.
 */
export function storeError(name: string, array: readonly unknown[], index: number, error: unknown): unknown {
  if (!(error instanceof TypeError) || !isRefused(array, index)) return error;
  return new VmemError(
    'EINVAL',
    `${name}: expected an array that can be written, but its element ${index} can't`,
    { cause: error },
  );
}

/** True if the element can't be written, as seen by the language: without an error of anybody's. */
function isRefused(array: readonly unknown[], index: number): boolean {
  try {
    return !Reflect.set(array, index, 0);
  } catch {
    return false; // the caller's own code throws
  }
}

/** How many pointers to read: `count` if it is given, else all that the array says it has. */
export function countOf(
  name: string,
  ptrs: PointerArray,
  words: PointerWords | undefined,
  count: unknown,
): number {
  const length: unknown = words === undefined ? (ptrs as number[]).length : lengthOf(words);
  const isCount = (value: unknown): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  if (!isCount(length)) throw new VmemError('EINVAL', `${name}: its length is ${describe(length)}`);
  if (count === undefined) return length;
  if (!isCount(count))
    throw new VmemError('EINVAL', `count: expected a whole number >= 0, got ${describe(count)}`);
  if (count <= length) return count;
  throw new VmemError('EINVAL', `${name}: expected ${count} elements at least, got ${length}`);
}

/**
 * The heap writes to the first `count` elements, so they lie outside of it, or in a block that the caller has.
 * @throws VmemError EINVAL
 */
export function requireOutside(name: string, words: PointerWords, count: number, region: Region): void {
  const buffer = bufferOf(words);
  if (buffer !== region.buffer && !isSameMemory(buffer, region)) return;
  const start = byteOffsetOf(words) - region.byteOffset;
  const end = start + count * bytesPerElement(words);
  if (end <= 0 || start >= region.size || count === 0) return;
  const block = blockAt(region, start);
  if (block === undefined || end > block.ptr + block.size) {
    throw new VmemError('EINVAL', `${name}: the array lies in this heap, but not in a live block of it`);
  }
}

const bytesPerElement = (words: PointerWords): number => (typeName(words) === 'Float64Array' ? 8 : 4);

/** Whether a buffer is this heap's memory. Each message brings a new buffer object of the same: compare what stands in it. */
export function isSameMemory(buffer: ArrayBufferLike, { byteOffset, openedAs }: Region): boolean {
  if (
    buffer instanceof ArrayBuffer ||
    (sharedLength(buffer) ?? 0) < byteOffset + (Identity.end as number) * 4
  )
    return false;
  const words = new Int32Array(buffer, byteOffset, Identity.end);
  return words[Identity.idLow] === openedAs[0] && words[Identity.idHigh] === openedAs[1];
}
