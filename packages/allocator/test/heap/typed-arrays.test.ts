import { bytesOf } from '#src/heap/typed-arrays';
import { codeOf } from '../support/thrown';

test.each<[new (...args: any[]) => unknown, number]>([
  [Uint8Array, 1],
  [Int16Array, 2],
  [Float32Array, 4],
  [BigInt64Array, 8],
  [Buffer, 1],
])('%p has elements of %p bytes', (Type, size) => {
  expect([bytesOf(Type, 0), bytesOf(Type, 7), bytesOf(Type, 2 ** 40)]).toEqual([0, 7 * size, 2 ** 40 * size]);
});

test.each([
  undefined,
  null,
  8,
  'Uint8Array',
  {},
  [],
  DataView,
  Array,
  Object,
  ArrayBuffer,
  () => 1,
  Symbol('t'),
])('%p is no constructor of a typed array', (Type) => {
  expect(codeOf(() => bytesOf(Type, 1))).toBe('EINVAL');
});

test.each([-1, 1.5, NaN, Infinity, 2 ** 53, '1', null, undefined, 1n, {}, [], true, Symbol('n')])(
  '%p is no length',
  (length) => {
    expect(codeOf(() => bytesOf(Uint8Array, length))).toBe('EINVAL');
  },
);
