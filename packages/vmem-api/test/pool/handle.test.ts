import { handleFields } from '#src/pool/handle';
import { thrownBy } from '../support/thrown';

const buffer = new SharedArrayBuffer(8);
const good = { backend: 'overlay', buffer, byteOffset: 0, size: 4096, fd: 3, id: [1, -2] };

describe('handleFields', () => {
  it('returns the fields of a handle and of its structured clone', () => {
    expect(handleFields(good)).toEqual(good);
    const clone = structuredClone({ ...good, buffer: undefined });
    expect(handleFields({ ...clone, more: 1 })).toEqual({ ...good, buffer: undefined });
  });

  it('leaves out a buffer that is not there', () => {
    expect(Object.keys(handleFields({ ...good, buffer: undefined }))).not.toContain('buffer');
  });

  it('takes -1 for no file', () => {
    expect(handleFields({ ...good, fd: -1 }).fd).toBe(-1);
  });

  it('reads each field once', () => {
    const reads: string[] = [];
    const watched = new Proxy(good, {
      get(target, name) {
        reads.push(String(name));
        return Reflect.get(target, name) as unknown;
      },
    });
    handleFields(watched);
    expect([...reads].sort()).toEqual([
      'backend',
      'buffer',
      'byteOffset',
      'fd',
      'file',
      'id',
      'size',
      'sync',
    ]);
  });

  const bad: [string, unknown][] = [
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['a string', 'handle'],
    ['a function', () => good],
    ['an empty object', {}],
    ['an array', []],
    ['the buffer alone', buffer],
  ];
  const badFields: Record<string, unknown[]> = {
    backend: [undefined, null, 1, Object('overlay')],
    byteOffset: [undefined, -1, 0.5, NaN, 2 ** 53, '0', 0n],
    size: [undefined, -1, 0.5, NaN, 2 ** 53, '4096', 4096n],
    fd: [undefined, -2, 0.5, NaN, '3', 3n, null],
    sync: [null, false, 1, 'sync'],
    id: [undefined, null, 1, 'id', { 0: 1, 1: 2, length: 2 }],
  };
  for (const [field, values] of Object.entries(badFields)) {
    for (const value of values) {
      bad.push([`${field} of ${typeof value} ${String(value)}`, { ...good, [field]: value }]);
    }
  }

  it.each(bad)('refuses %s', (_, handle) => {
    expect(thrownBy(() => handleFields(handle))).toMatchObject({ name: 'VmemError', code: 'EINVAL' });
  });
});
