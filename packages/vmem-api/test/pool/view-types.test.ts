import { runInNewContext } from 'node:vm';
import type { TypedArrayConstructor } from '@vmem-ts/vmem-api';
import { asViewOf, isBuiltIn, standInFor } from '#src/pool/view-types';
import { thrownBy } from '../support/thrown';

class Heir extends Float64Array {}

const Liar = Object.defineProperty(class extends Float64Array {}, 'BYTES_PER_ELEMENT', { value: 1 });

class Loner extends Uint8Array {
  constructor() {
    super(4);
  }
}

class Thrower extends Uint8Array {
  constructor() {
    super(4);
    throw new RangeError('no');
  }
}

const otherUint16 = runInNewContext('Uint16Array') as TypedArrayConstructor;

describe('isBuiltIn', () => {
  it('is true for the typed arrays of the language alone', () => {
    expect([Uint8Array, BigInt64Array, Uint8ClampedArray].every(isBuiltIn)).toBe(true);
    const others: unknown[] = [
      Heir,
      Buffer,
      DataView,
      Array,
      otherUint16,
      new Proxy(Uint8Array, {}),
      8,
      null,
    ];
    expect(others.some(isBuiltIn)).toBe(false);
  });
});

describe('standInFor', () => {
  it('has elements of the same size', () => {
    expect(standInFor(Heir)).toBe(Float64Array);
    expect(standInFor(Buffer)).toBe(Uint8Array);
    expect(standInFor(otherUint16)).toBe(Uint16Array);
  });

  it.each([
    ['undefined', undefined],
    ['an object', { BYTES_PER_ELEMENT: 1 }],
    ['DataView', DataView],
    ['a function of an odd size', Object.assign(() => undefined, { BYTES_PER_ELEMENT: 3 })],
    ['a function of a size in words', Object.assign(() => undefined, { BYTES_PER_ELEMENT: '8' })],
  ])('refuses %s', (_, type) => {
    expect(thrownBy(() => standInFor(type))).toMatchObject({ name: 'VmemError', code: 'EINVAL' });
  });
});

describe('asViewOf', () => {
  const buffer = new SharedArrayBuffer(64);

  it('makes a view of the type on the same place', () => {
    const view = asViewOf(Heir, new Float64Array(buffer, 8, 2));
    expect(view).toBeInstanceOf(Heir);
    expect([view.buffer, view.byteOffset, view.length]).toEqual([buffer, 8, 2]);
  });

  it.each<[string, unknown]>([
    ['of elements of another size', Liar],
    ['elsewhere', Loner],
    ['that is none', Date],
    ['that is never there', Thrower],
    ['that is no constructor’s', () => undefined],
  ])('refuses a view %s', (_, type) => {
    const plain = new Uint8Array(buffer, 8, 4);
    expect(thrownBy(() => asViewOf(type as TypedArrayConstructor, plain))).toMatchObject({
      name: 'VmemError',
      code: 'EINVAL',
    });
  });

  it('keeps the error of the constructor', () => {
    const error = thrownBy(() =>
      asViewOf(Thrower as unknown as TypedArrayConstructor, new Uint8Array(buffer)),
    );
    expect(error).toMatchObject({ cause: { name: 'RangeError', message: 'no' } });
  });
});
