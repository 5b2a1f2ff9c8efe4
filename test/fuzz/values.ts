// Arguments that fast-check makes, prints and shrinks: descriptions of values, which are made when a call is made.

import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import type { PoolModel } from './model';

const REALM = createContext();

/** A value to pass in. */
export interface Arg {
  toString(): string;
  make(pool: PoolModel): unknown;
}

export const arg = (text: string, make: (pool: PoolModel) => unknown): Arg => ({
  toString: () => text,
  make,
});

/** What code of the caller's throws that must not have run, or whose error must come through as it is. */
export class CallerError extends Error {
  override readonly name = 'CallerError';
}

const explode = (): never => {
  throw new CallerError('code of a hostile value was run');
};

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function detached<T extends { buffer: unknown }>(view: T): T {
  const buffer = view.buffer as ArrayBuffer;
  structuredClone(buffer, { transfer: [buffer] });
  return view;
}

function shrunk(): Float64Array {
  const buffer = new ArrayBuffer(64, { maxByteLength: 64 });
  const words = new Float64Array(buffer, 0, 8);
  buffer.resize(8);
  return words;
}

/** Uses the pool where nobody expects it, and leaves it as it was. */
const reentering =
  (pool: PoolModel): (() => number) =>
  () => {
    const user = pool.user;
    if (user !== undefined) user.free(user.malloc(24));
    return 24;
  };

const throwing = { valueOf: explode, toString: explode, toJSON: explode, [Symbol.toPrimitive]: explode };

const STRANGE: readonly Arg[] = [
  arg('undefined', () => undefined),
  arg('null', () => null),
  arg("''", () => ''),
  arg("'64'", () => '64'),
  arg('64n', () => 64n),
  arg('true', () => true),
  arg('a symbol', () => Symbol('64')),
  arg('a function', () => explode),
  arg('{}', () => ({})),
  arg('[]', () => []),
  arg('[64]', () => [64]),
  arg('a Number object', () => Object(64) as unknown),
  arg('a Date', () => new Date(64)),
  arg('an object that throws', () => throwing),
  arg('an object that uses the pool', (pool) => ({
    valueOf: reentering(pool),
    [Symbol.toPrimitive]: reentering(pool),
  })),
  arg('a Proxy that throws', () => new Proxy({}, { get: explode, has: explode, getPrototypeOf: explode })),
  arg('a Proxy of an array that throws', () => new Proxy([1], { get: explode })),
  arg('a Proxy that was revoked', () => revoked({})),
  arg('a Proxy of an array that was revoked', () => revoked([])),
  arg('a Proxy of a function that was revoked', () => revoked(Uint8Array)),
  arg('a Uint8Array', () => new Uint8Array(8)),
  arg('a BigInt64Array', () => new BigInt64Array(8)),
  arg('a DataView', () => new DataView(new ArrayBuffer(8))),
  arg('a detached Uint8Array', () => detached(new Uint8Array(8))),
  arg('a detached Float64Array', () => detached(new Float64Array(8))),
  arg('a detached buffer', () => detached(new Uint8Array(8)).buffer),
  arg('a Float64Array whose buffer shrank', shrunk),
  arg('a resizable buffer', () => new ArrayBuffer(8, { maxByteLength: 64 })),
  arg('a SharedArrayBuffer', () => new SharedArrayBuffer(64)),
  arg('a growable SharedArrayBuffer', () => new SharedArrayBuffer(8, { maxByteLength: 64 })),
  arg('an array of another realm', () => runInContext('[64]', REALM) as unknown),
  arg('a Float64Array of another realm', () => runInContext('new Float64Array(8)', REALM) as unknown),
  arg('a buffer of another realm', () => runInContext('new SharedArrayBuffer(64)', REALM) as unknown),
  arg('an heir of a Float64Array', () => Object.create(new Float64Array(8)) as unknown),
  arg('a Proxy of a Float64Array', () => new Proxy(new Float64Array(8), {})),
  arg('the pool', (pool) => pool.user),
  arg("the pool's handle", (pool) => pool.handle),
  arg("the pool's buffer", (pool) => pool.buffer),
];

export const strange: fc.Arbitrary<Arg> = fc.constantFrom(...STRANGE);

const NUMBERS = [
  NaN,
  Infinity,
  -Infinity,
  -0,
  -1,
  0.5,
  -0.5,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
  ...[7, 12, 14, 24, 31, 32, 33, 52, 53, 63].flatMap((power) => [2 ** power - 1, 2 ** power, 2 ** power + 8]),
  -(2 ** 31),
  -(2 ** 53),
];

const numberArg = (n: number): Arg => arg(Object.is(n, -0) ? '-0' : String(n), () => n);

export const anyNumber: fc.Arbitrary<Arg> = fc
  .oneof(fc.constantFrom(...NUMBERS), fc.double(), fc.integer(), fc.maxSafeInteger(), fc.nat(2 ** 24))
  .map(numberArg);

const weighted = (weight: number, arbitrary: fc.Arbitrary<Arg>): fc.WeightedArbitrary<Arg> => ({
  weight,
  arbitrary,
});

/** Mostly good ones. */
export const size: fc.Arbitrary<Arg> = fc.oneof(
  weighted(10, fc.nat(300).map(numberArg)),
  weighted(4, fc.nat(20_000).map(numberArg)),
  weighted(2, fc.integer({ min: 16_000, max: 300_000 }).map(numberArg)),
  weighted(2, anyNumber),
  weighted(2, strange),
);

export const count: fc.Arbitrary<Arg> = fc.oneof(
  weighted(6, fc.nat(20).map(numberArg)),
  weighted(1, anyNumber),
  weighted(1, strange),
);

export const alignment: fc.Arbitrary<Arg> = fc.oneof(
  weighted(
    6,
    fc.nat(17).map((power) => numberArg(2 ** power)),
  ),
  weighted(1, anyNumber),
  weighted(1, strange),
);

const nth = (list: readonly number[], n: number): number => (list.length === 0 ? 0 : list[n % list.length]);
const index = fc.nat(1000);

const liveOne = index.map((n) => arg(`live#${n}`, (pool) => nth(pool.live, n)));
const freedOne = index.map((n) => arg(`freed#${n}`, (pool) => nth(pool.freed, n)));
const DELTAS = [1, 2, 4, 8, 16, 64, 4096, -1, -8, -4096, 0.5, 2 ** 31, 2 ** 32, -(2 ** 32), 2 ** 52];

/** Mostly pointers to live blocks; also to freed ones, of the other pool, near to live ones, and what is none at all. */
export const pointer: fc.Arbitrary<Arg> = fc.oneof(
  weighted(10, liveOne),
  weighted(3, freedOne),
  weighted(
    2,
    index.map((n) => arg(`the other pool's live#${n}`, (pool) => nth(pool.other.live, n))),
  ),
  weighted(
    2,
    fc
      .tuple(index, fc.constantFrom(...DELTAS))
      .map(([n, delta]) => arg(`live#${n} + ${delta}`, (pool) => nth(pool.live, n) + delta)),
  ),
  weighted(
    1,
    fc.nat(2 ** 21).map((granule) => numberArg(8 * granule)),
  ),
  weighted(1, anyNumber),
  weighted(2, strange),
);

type ViewMaker = new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => ArrayBufferView;
const VIEWS: readonly ViewMaker[] = [Uint8Array, Float64Array, BigInt64Array, DataView];

/** Views on blocks, on places inside of them, and on the other pool's. */
export const view: fc.Arbitrary<Arg> = fc
  .tuple(index, fc.constantFrom(...VIEWS), fc.constantFrom(0, 0, 0, 8, -8), fc.boolean())
  .map(([n, Type, delta, isOther]) =>
    arg(`a ${Type.name} on ${isOther ? "the other pool's " : ''}live#${n} + ${delta}`, (pool) => {
      const { live, buffer, byteOffset } = isOther ? pool.other : pool;
      const place = byteOffset + nth(live, n) + delta;
      return buffer === undefined || place < 0 ? new Type(new ArrayBuffer(8)) : new Type(buffer, place, 1);
    }),
  );

interface ArrayMaker {
  new (length: number): unknown;
  readonly name: string;
  from(values: readonly number[]): unknown;
}
const ARRAYS: readonly ArrayMaker[] = [Array, Float64Array, Uint32Array, Int32Array];

/** Arrays of pointers. */
export const pointers: fc.Arbitrary<Arg> = fc.oneof(
  weighted(
    8,
    fc.tuple(fc.constantFrom(...ARRAYS), fc.array(pointer, { maxLength: 12 })).map(([Type, elements]) =>
      arg(`${Type.name} of ${elements.join(', ')}`, (pool) => {
        const values = elements.map((element) => element.make(pool));
        const isNumber = (value: unknown): value is number => typeof value === 'number';
        return Type === Array ? values : Type.from(values.filter(isNumber));
      }),
    ),
  ),
  weighted(2, craftedArrays()),
  weighted(2, strange),
);

/** Arrays to fill. */
export const room: fc.Arbitrary<Arg> = fc.oneof(
  weighted(
    8,
    fc
      .tuple(fc.constantFrom(...ARRAYS), fc.nat(24))
      .map(([Type, length]) => arg(`${Type.name}(${length})`, () => new Type(length))),
  ),
  weighted(
    2,
    index.map((n) =>
      arg(`a Float64Array on live#${n}`, ({ live, usable, buffer, byteOffset }) => {
        const ptr = nth(live, n);
        const bytes = usable(ptr);
        return ptr === 0 || bytes === undefined || buffer === undefined
          ? new Float64Array(4)
          : new Float64Array(buffer, byteOffset + ptr, Math.min(8, bytes >> 3));
      }),
    ),
  ),
  weighted(
    1,
    fc.constant(
      arg("a Float64Array on the pool's own data", ({ buffer, byteOffset }) =>
        buffer === undefined ? [] : new Float64Array(buffer, byteOffset, 4096),
      ),
    ),
  ),
  weighted(2, craftedArrays()),
  weighted(2, strange),
);

/** Arrays with code of their own, and those that can't be written. */
function craftedArrays(): fc.Arbitrary<Arg> {
  const two = (pool: PoolModel): number[] => [nth(pool.live, 0), nth(pool.live, 1), 0];
  return fc.constantFrom(
    arg('an array that throws', (pool) =>
      Object.defineProperty(two(pool), 1, { get: explode, set: explode }),
    ),
    arg('an array that uses the pool', (pool) => {
      const values = two(pool);
      const use = reentering(pool);
      return Object.defineProperty([...values], 1, {
        get: () => (use(), values[1]),
        set: (value: number) => (use(), (values[1] = value)),
      });
    }),
    arg('a frozen array', (pool) => Object.freeze(two(pool))),
    arg('an array with holes', (pool) => Object.assign(new Array(6), { 1: nth(pool.live, 0) })),
    arg('an heir of Array', (pool) => {
      class Heir extends Array<number> {
        static override get [Symbol.species](): never {
          return explode();
        }
      }
      return Heir.from(two(pool));
    }),
    arg('a Proxy of an array', (pool) => new Proxy(two(pool), {})),
    arg('a Proxy of an array without a length', (pool) => lengthOf(two(pool), NaN)),
    arg('a Proxy of an array that says it is endless', (pool) => lengthOf(two(pool), Infinity)),
    arg('a Proxy of an array that says it is longer', (pool) => lengthOf(two(pool), 5)),
    arg('a Proxy of an array that can’t be written', (pool) => new Proxy(two(pool), { set: () => false })),
  );
}

const lengthOf = (array: number[], length: number): number[] =>
  new Proxy(array, {
    get: (target, key) => (key === 'length' ? length : (Reflect.get(target, key) as unknown)),
  });

class Heir extends Float64Array {}
class Thrower extends Uint8Array {
  constructor() {
    super(1);
    explode();
  }
}
class Elsewhere extends Uint8Array {
  constructor() {
    super(8);
  }
}
class Speciesless extends Uint8Array {
  static get [Symbol.species](): never {
    return explode();
  }
}
const ForeignArray = runInContext('Float32Array', REALM) as typeof Float32Array;

const PLAIN_TYPES = [Uint8Array, Int16Array, Float32Array, Float64Array, BigUint64Array, Uint8ClampedArray];

/** Constructors of the language itself. */
export const plainType: fc.Arbitrary<Arg> = fc.oneof(
  weighted(
    6,
    fc.constantFrom(...PLAIN_TYPES).map((Type) => arg(Type.name, () => Type)),
  ),
  weighted(2, strange),
);

/** Also those of a caller's own, and of another realm. */
export const type: fc.Arbitrary<Arg> = fc.oneof(
  weighted(6, plainType),
  weighted(
    2,
    fc.constantFrom(
      arg('an heir of Float64Array', () => Heir),
      arg('Float32Array of another realm', () => ForeignArray),
      arg('an heir without a species', () => Speciesless),
      arg('an heir that throws', () => Thrower),
      arg('an heir with memory of its own', () => Elsewhere),
      arg('DataView', () => DataView),
      arg('a Proxy of Uint8Array', () => new Proxy(Uint8Array, {})),
      arg('a Proxy of Uint8Array that throws', () => new Proxy(Uint8Array, { construct: explode })),
    ),
  ),
);

const character = fc.constantFrom('a', 'é', '漢', '😀', '\ud800', '\udc00', '\0', '\n');

export const text: fc.Arbitrary<Arg> = fc.oneof(
  weighted(
    6,
    fc.string({ unit: character, maxLength: 40 }).map((s) => arg(JSON.stringify(s), () => s)),
  ),
  weighted(1, anyNumber),
  weighted(2, strange),
);

/** What is said of a pool to be made or attached to, with one property replaced. */
export function withOneWrong(good: (pool: PoolModel) => object, names: readonly string[]): fc.Arbitrary<Arg> {
  return fc
    .tuple(fc.constantFrom(...names), fc.oneof(strange, anyNumber, pointer))
    .map(([name, value]) =>
      arg(`with ${name} = ${String(value)}`, (pool) => ({ ...good(pool), [name]: value.make(pool) })),
    );
}
