import { VmemError } from '@vmem-ts/allocator';
import { describe as inWords } from '#src/base/errors';

test.each<[unknown, string]>([
  [-0, '-0'],
  [1.5, '1.5'],
  [NaN, 'NaN'],
  [1n, '1n'],
  ['64', '"64"'],
  ['x'.repeat(41), 'a string of 41 characters'],
  [null, 'null'],
  [undefined, 'undefined'],
  [true, 'true'],
  [[], 'an array'],
  [{}, 'an object'],
  [Symbol('s'), 'a symbol'],
  [() => 1, 'a function'],
])('%p stands in a message', (value, words) => {
  expect(inWords(value)).toBe(words);
});

test('an object is put into words without running its code', () => {
  const explode = (): never => {
    throw new Error('ran');
  };
  const bomb = { valueOf: explode, toString: explode, [Symbol.toPrimitive]: explode };
  expect(inWords(bomb)).toBe('an object');
  expect(inWords(new Proxy(bomb, { get: explode, has: explode, ownKeys: explode }))).toBe('an object');
});

test('a VmemError is an Error with a name, a code and a cause', () => {
  const cause = new Error('why');
  const error = new VmemError('ENOMEM', 'no memory', { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'VmemError', code: 'ENOMEM', message: 'no memory', cause });
  expect(Object.keys(error)).not.toContain('index'); // it would stand in every error that is printed
});
