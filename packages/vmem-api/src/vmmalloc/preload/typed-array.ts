// What typed arrays are, whatever they show of themselves: the accessors of the language, as they were at the start.

import { accessor } from '@vmem-ts/allocator';

const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object;

const typeName = accessor<string | undefined>(prototype, Symbol.toStringTag);

/** Elements of a typed array; 0 if it is detached. */
export const elementCount = accessor<number>(prototype, 'length');
/** Bytes of a typed array; 0 if it is detached. */
export const byteCount = accessor<number>(prototype, 'byteLength');

export const isBigIntArray = (array: unknown): boolean => typeName(array)?.startsWith('Big') === true;

/** Copies all elements of a typed array to `target`, from its element `start` on. */
// eslint-disable-next-line @typescript-eslint/unbound-method -- applied to arrays
export const setElements = Function.prototype.call.bind(Uint8Array.prototype.set) as (
  target: unknown,
  source: unknown,
  start?: number,
) => void;

const NAMES = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
] as const;

export interface TypedArrayClass {
  new (...args: unknown[]): object;
  readonly BYTES_PER_ELEMENT: number;
  readonly prototype: object;
  readonly name: string;
}

/** The typed arrays that this runtime has, by name: Node.js 24 has one more than 20. */
export const typedArrayClasses: ReadonlyMap<string, TypedArrayClass> = new Map(
  NAMES.filter((name) => name in globalThis).map((name) => [
    name,
    (globalThis as unknown as Record<string, TypedArrayClass>)[name],
  ]),
);

/** The class that a typed array is of, subclasses aside. */
export const classOf = (array: object): TypedArrayClass => typedArrayClasses.get(typeName(array)!)!;
