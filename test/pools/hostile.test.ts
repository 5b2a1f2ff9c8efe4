// Whatever a caller passes in is answered by an error of the documented kind or a documented result; the pool stays whole.

import { spawnSync } from 'node:child_process';
import { runInNewContext } from 'node:vm';
import { VMEM_MIN_POOL, Vmem, type VmemOptions } from '@vmem-ts/vmem-api';
import { POOL_DIR, describeEachKind, describeFiles, expectEmptyAndWhole, filePool } from '../support/pools';
import { countOpenFiles } from '../support/process-resources';
import { failureOf, thrownBy } from '../support/thrown';
import { scriptPath } from '../support/worker';

class CallerError extends Error {
  override readonly name = 'CallerError';
}

const fail = (): never => {
  throw new CallerError('code of a hostile value was run');
};

/** Values that are neither sizes nor pointers, and run code of the caller where they are turned into anything. */
const NO_NUMBERS: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a string', '64'],
  ['a bigint', 64n],
  ['true', true],
  ['a symbol', Symbol('64')],
  ['a function', fail],
  ['an object', {}],
  ['an array', [64]],
  ['a number object', Object(64)],
  ['an object that throws', { valueOf: fail, toString: fail, toJSON: fail, [Symbol.toPrimitive]: fail }],
  ['a proxy that throws', new Proxy({}, { get: fail, getPrototypeOf: fail, has: fail })],
];

const BAD_SIZES: [string, unknown][] = [
  ...NO_NUMBERS,
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-1', -1],
  ['0.5', 0.5],
  ['-2^53', -(2 ** 53)],
  ['the smallest number', Number.MIN_VALUE],
];

/** What `>>>` can't turn into a number without an error, or without running the caller's code. */
const CODE_OF_ITS_OWN = ['a bigint', 'a symbol', 'an object that throws', 'a proxy that throws'];

const HUGE: number[] = [
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 64,
  2 ** 53 - 1,
  2 ** 53,
  Number.MAX_VALUE,
];

/** Numbers at which no block of a fresh pool begins. */
const BAD_POINTERS: number[] = [
  1,
  7,
  8,
  4096,
  8192,
  -1,
  -8,
  0.5,
  NaN,
  Infinity,
  2 ** 31,
  2 ** 32,
  2 ** 32 + 8,
  -(2 ** 31),
  2 ** 53,
  1e300,
];

const REFUSED_POINTER = /^VmemError (EBADPTR|EDOUBLEFREE)$/;

describeEachKind('hostile arguments of a pool', ({ create }) => {
  let pool: Vmem;
  beforeEach(() => {
    pool = create();
  });
  afterEach(() => {
    expectEmptyAndWhole(pool);
  });

  it.each(BAD_SIZES)('a size that is %s gives EINVAL', (name, value) => {
    const size = value as number;
    const calls = [
      () => (CODE_OF_ITS_OWN.includes(name) ? pool.calloc(size, size) : pool.malloc(size)),
      () => pool.calloc(size, 1),
      () => pool.calloc(1, size),
      () => pool.realloc(0, size),
      () => pool.alignedAlloc(8, size),
      () => pool.alignedAlloc(size, 8),
      () => pool.alloc(Uint8Array, size),
      () => pool.mallocMany(size, 1, new Float64Array(1)),
      () => pool.mallocMany(1, size, new Float64Array(1)),
      () => pool.mallocMany(1, size, []),
    ];
    for (const call of calls)
      expect([String(call), failureOf(call)]).toEqual([String(call), 'VmemError EINVAL']);
  });

  it.each(HUGE)('a size of %d gives 0', (size) => {
    expect(pool.malloc(size)).toBe(0);
    expect(pool.calloc(size, 1)).toBe(0);
    expect(pool.calloc(1, size)).toBe(0);
    expect(pool.calloc(size, size)).toBe(0);
    expect(pool.realloc(0, size)).toBe(0);
    expect(pool.alignedAlloc(64, size)).toBe(0);
    expect(pool.mallocMany(size, 3, [])).toBe(0);
    expect(failureOf(() => pool.mallocMany(8, size, new Float64Array(3)))).toBe('VmemError EINVAL');
    expect(failureOf(() => pool.alloc(Float64Array, size))).toMatch(/^VmemError (ENOMEM|EINVAL)$/);
    const ptr = pool.malloc(100);
    expect(pool.realloc(ptr, size)).toBe(0);
    expect(pool.usableSize(ptr)).toBeGreaterThanOrEqual(100);
    pool.free(ptr);
  });

  it.each(NO_NUMBERS)('a pointer that is %s gives EBADPTR', (_, value) => {
    const ptr = value as number;
    const calls = [
      () => pool.free(ptr),
      () => pool.usableSize(ptr),
      () => pool.realloc(ptr, 8),
      () => pool.freeMany([ptr]),
    ];
    expect([pool.contains(ptr), pool.blockAt(ptr)]).toEqual([false, undefined]);
    for (const call of calls)
      expect([String(call), failureOf(call)]).toEqual([String(call), 'VmemError EBADPTR']);
    expect(failureOf(() => pool.view(Uint8Array, ptr, 1))).toBe('VmemError EBADPTR');
  });

  it.each(BAD_POINTERS)('a pointer %d gives an error', (ptr) => {
    const calls = [
      () => pool.free(ptr),
      () => pool.usableSize(ptr),
      () => pool.realloc(ptr, 8),
      () => pool.realloc(ptr, 0),
      () => pool.freeMany([ptr]),
      () => pool.freeMany(Float64Array.of(ptr)),
    ];
    for (const call of calls) expect(failureOf(call)).toMatch(REFUSED_POINTER);
    expect([pool.contains(ptr), pool.blockAt(ptr)]).toEqual([false, undefined]);
    expect(failureOf(() => pool.view(Uint8Array, ptr, 1))).toMatch(REFUSED_POINTER);
  });

  it.each<[string, unknown]>([
    ...NO_NUMBERS.filter(([name]) => name !== 'an array'),
    ['a view of bytes', new Uint8Array(8)],
    ['an array of bigints', new BigInt64Array(8)],
    ['a buffer', new SharedArrayBuffer(64)],
  ])('an array of pointers that is %s gives EINVAL', (_, value) => {
    expect(failureOf(() => pool.mallocMany(64, 1, value as number[]))).toBe('VmemError EINVAL');
    expect(failureOf(() => pool.freeMany(value as number[]))).toBe('VmemError EINVAL');
  });

  it('an array of pointers that throws or changes its mind leaves nothing behind', () => {
    const throwing = Object.defineProperty([0, 0, 0], 1, { get: fail, set: fail });
    expect(pool.mallocMany(64, 3, throwing)).toBe(1);
    expect(failureOf(() => pool.freeMany(throwing))).toBe('CallerError');
    expect(pool.contains(throwing[0])).toBe(false);
    const words = pool.alloc(Float64Array, 8);
    expect(pool.mallocMany(64, 8, words)).toBe(8);
    const copy = words.slice();
    pool.freeMany(words);
    expect(failureOf(() => pool.freeMany(copy))).toBe('VmemError EDOUBLEFREE');
    pool.free(words);
  });

  it('the pool’s own data are no array of pointers', () => {
    const own = new Float64Array(pool.buffer, pool.byteOffset, 4096);
    expect(failureOf(() => pool.mallocMany(64, 4096, own))).toBe('VmemError EINVAL');
  });

  it('NULL is freed by doing nothing, has no bytes, and no view', () => {
    expect(failureOf(() => pool.free(0))).toBe('none');
    expect(failureOf(() => pool.free(-0))).toBe('none');
    expect(pool.usableSize(0)).toBe(0);
    expect(failureOf(() => pool.view(Uint8Array, 0, 0))).toBe('VmemError EBADPTR');
  });

  it.each([3, 0, 2 ** 53, 2 ** 60, 6])('an alignment of %d gives EINVAL', (alignment) => {
    expect(failureOf(() => pool.alignedAlloc(alignment, 8))).toBe('VmemError EINVAL');
  });

  it('views that are no blocks of the pool are refused', () => {
    const view = pool.alloc(Uint8Array, 1000);
    const other = create();
    const theirs = other.alloc(Uint8Array, 1000);
    const detached = new Uint8Array(8);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const strangers: unknown[] = [
      theirs,
      new Uint8Array(1000),
      Buffer.from('text'),
      new DataView(new ArrayBuffer(8)),
      new Uint8Array(new SharedArrayBuffer(2 ** 20)),
      detached,
      view.subarray(8),
      view.slice(),
      new Uint8Array(pool.buffer, 0, 8),
      new Proxy(view, {}),
      Object.create(view),
      pool.buffer,
    ];
    for (const stranger of strangers) {
      expect(failureOf(() => pool.free(stranger as Uint8Array))).toMatch(REFUSED_POINTER);
    }
    const lying = Object.defineProperty(new Uint8Array(pool.buffer, 0, 8), 'byteOffset', { value: 8 });
    expect(failureOf(() => pool.free(lying))).toMatch(REFUSED_POINTER);
    pool.free(new DataView(view.buffer, view.byteOffset, 1));
    expect(failureOf(() => pool.free(view))).toBe('VmemError EDOUBLEFREE');
    other.free(theirs);
    expectEmptyAndWhole(other);
  });

  it.each(NO_NUMBERS.filter(([name]) => name !== 'a string'))('a text that is %s gives EINVAL', (_, text) => {
    expect(failureOf(() => pool.strdup(text as string))).toBe('VmemError EINVAL');
    expect(failureOf(() => pool.wcsdup(text as string))).toBe('VmemError EINVAL');
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a number', 1],
    ['an object', { BYTES_PER_ELEMENT: 1 }],
    ['a function without a size', () => undefined],
    ['a function of an odd size', Object.assign(() => undefined, { BYTES_PER_ELEMENT: 3 })],
    ['DataView', DataView],
    ['Array', Array],
    ['a string', 'Uint8Array'],
  ])('a type of array that is %s gives EINVAL', (_, type) => {
    const ptr = pool.malloc(64);
    expect(failureOf(() => pool.alloc(type as typeof Uint8Array, 8))).toBe('VmemError EINVAL');
    expect(failureOf(() => pool.view(type as typeof Uint8Array, ptr, 8))).toBe('VmemError EINVAL');
    pool.free(ptr);
  });

  it.each<[string, unknown]>([
    [
      'an heir that throws',
      class extends Uint8Array {
        constructor() {
          super(1);
          fail();
        }
      },
    ],
    [
      'an heir that has memory of its own',
      class extends Uint8Array {
        constructor() {
          super(8);
        }
      },
    ],
    [
      'an heir that lies about its elements',
      Object.defineProperty(class extends Float64Array {}, 'BYTES_PER_ELEMENT', { value: 1 }),
    ],
    ['a Proxy whose construction throws', new Proxy(Uint8Array, { construct: fail })],
    ['a constructor of something else', Object.assign(Date.bind(undefined), { BYTES_PER_ELEMENT: 8 })],
  ])('a type of array that is %s gives EINVAL, and leaves no block behind', (_, type) => {
    const ptr = pool.malloc(64);
    expect(failureOf(() => pool.alloc(type as typeof Uint8Array, 8))).toBe('VmemError EINVAL');
    expect(failureOf(() => pool.view(type as typeof Uint8Array, ptr, 8))).toBe('VmemError EINVAL');
    pool.free(ptr);
  });

  it('heirs of typed arrays, and those of another realm, are types of arrays', () => {
    class Heir extends Int16Array {}
    const Other = runInNewContext('Float32Array') as typeof Float32Array;
    const [heir, other] = [pool.alloc(Heir, 10), pool.alloc(Other, 10)];
    expect(heir).toBeInstanceOf(Heir);
    expect(other).toBeInstanceOf(Other);
    expect([heir.length, other.length]).toEqual([10, 10]);
    for (const view of [heir, other]) pool.free(view);
  });

  it('a constructor that frees its block, or deletes the pool, does no harm', () => {
    const twin = create();
    let last = (): void => pool.free(pool.malloc(0));
    class Destroyer extends Uint8Array {
      constructor(buffer: SharedArrayBuffer | ArrayBuffer, byteOffset: number, length: number) {
        super(buffer as ArrayBuffer, byteOffset, length);
        last();
        fail();
      }
    }
    expect(failureOf(() => pool.alloc(Destroyer, 8))).toBe('VmemError EINVAL');
    expectEmptyAndWhole(pool);
    last = () => twin.delete();
    expect(failureOf(() => twin.alloc(Destroyer, 8))).toBe('VmemError EINVAL');
    expect(failureOf(() => twin.malloc(8))).toBe('VmemError ECLOSED');
  });

  it('a view that lies about where it is is freed by where it is', () => {
    const lies = {
      buffer: { get: fail },
      byteOffset: { value: 4096 },
      byteLength: { get: fail },
      [Symbol.toStringTag]: { get: fail },
    };
    const view = pool.alloc(Uint8Array, 100);
    pool.free(Object.defineProperties(view, lies));
    expect(failureOf(() => pool.free(view))).toBe('VmemError EDOUBLEFREE');
    const elsewhere = [new Uint8Array(8), new DataView(new SharedArrayBuffer(8))];
    const disguise = { value: Object.create(SharedArrayBuffer.prototype) as unknown };
    for (const stranger of elsewhere) {
      expect(
        failureOf(() => pool.free(Object.defineProperties(stranger, { ...lies, buffer: disguise }))),
      ).toBe('VmemError EBADPTR');
    }
  });

  it('a view longer than its block is refused', () => {
    const ptr = pool.malloc(64);
    for (const length of [65, 4096, 2 ** 32, 2 ** 53 - 1, -1, 0.5, NaN]) {
      expect(failureOf(() => pool.view(Uint8Array, ptr, length))).toBe('VmemError EINVAL');
    }
    expect(failureOf(() => pool.view(Float64Array, ptr, 9))).toBe('VmemError EINVAL');
    expect(pool.view(Float64Array, ptr, 8)).toHaveLength(8);
    pool.free(ptr);
  });
});

describe('a Proxy that was revoked', () => {
  const revoked = (target: object): unknown => {
    const { proxy, revoke } = Proxy.revocable(target, {});
    revoke();
    return proxy;
  };
  const pool = (): Vmem => filePool(VMEM_MIN_POOL, { backend: 'anonymous' });

  it.each<[string, (value: never) => unknown]>([
    ['Vmem.attach', (handle) => Vmem.attach(handle)],
    ['Vmem.attach, with its id', (id) => Vmem.attach({ ...pool().handle, id })],
    ['Vmem.attach, with its buffer', (buffer) => Vmem.attach({ ...pool().handle, buffer })],
    ['Vmem.create, as options', (options) => Vmem.create(POOL_DIR, VMEM_MIN_POOL, options)],
    ['Vmem.createInRegion', (region) => Vmem.createInRegion(region)],
  ])('is EINVAL for %s', (_, call) => {
    for (const target of [{}, []]) {
      expect(failureOf(() => call(revoked(target) as never))).toBe('VmemError EINVAL');
      expect(failureOf(() => call(Object.create(revoked(target) as object) as never))).toBe(
        'VmemError EINVAL',
      );
    }
  });

  // the words for a value must not ask them anything
  it.each<[string, (value: never) => unknown]>([
    ['malloc', (size) => pool().malloc(size)],
    ['usableSize', (ptr) => pool().usableSize(ptr)],
    ['free', (ptr) => pool().free(ptr)],
    ['alloc', (Type) => pool().alloc(Type, 1)],
    ['strdup', (text) => pool().strdup(text)],
    ['Vmem.create, as a place', (dir) => Vmem.create(dir, VMEM_MIN_POOL)],
    ['Vmem.create, as a backend', (backend) => Vmem.create(POOL_DIR, VMEM_MIN_POOL, { backend })],
  ])('is an error of the pool for %s', (_, call) => {
    expect(failureOf(() => call(revoked({}) as never))).toMatch(/^VmemError E/);
  });
});

describe('the constructor of Vmem', () => {
  it('is nobody else’s', () => {
    const Public = Vmem as unknown as new (...args: unknown[]) => Vmem;
    for (const args of [[], [Symbol('Vmem')], [{}, {}, {}]]) {
      expect(failureOf(() => new Public(...args))).toBe('VmemError EINVAL');
    }
  });
});

describe('the error for what is no text', () => {
  it.each<[string, (pool: Vmem, text: string) => unknown]>([
    ['text', (pool, text) => pool.strdup(text)],
    ['text', (pool, text) => pool.wcsdup(text)],
    [
      'opts',
      (pool, text) => {
        pool.statsPrint(text);
      },
    ],
    ['name', (_, text) => Vmem.inherited(text)],
  ])('names the argument, %s, and tells its value', (name, call) => {
    const pool = filePool(VMEM_MIN_POOL, { backend: 'anonymous' });
    expect(thrownBy(() => call(pool, null as unknown as string))).toMatchObject({
      name: 'VmemError',
      code: 'EINVAL',
      message: `${name}: expected a string, got null`,
    });
  });
});

describe('arguments that once did harm', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 42],
    ['an object', {}],
  ])('letters for statistics that are %s give EINVAL', (_, omit) => {
    const pool = filePool(VMEM_MIN_POOL, { backend: 'anonymous' });
    expect(failureOf(() => pool.statsPrint(omit as string))).toBe('VmemError EINVAL');
  });

  it.each(BAD_SIZES.filter(([name]) => CODE_OF_ITS_OWN.includes(name)))(
    'malloc of %s gives EINVAL',
    (_, size) => {
      const pool = filePool(VMEM_MIN_POOL, { backend: 'anonymous' });
      expect(failureOf(() => pool.malloc(size as number))).toBe('VmemError EINVAL');
    },
  );

  it('a type of array whose constructor throws leaves no block behind', () => {
    const pool = filePool(VMEM_MIN_POOL, { backend: 'anonymous' });
    const Type = Object.assign(() => fail(), { BYTES_PER_ELEMENT: 1 }) as unknown as typeof Uint8Array;
    failureOf(() => pool.alloc(Type, 100));
    expectEmptyAndWhole(pool);
  });

  it('the longest text that there can be is out of memory', () => {
    const pool = filePool(VMEM_MIN_POOL, { backend: 'anonymous' });
    expect(pool.strdup('x'.repeat(2 ** 29 - 24))).toBe(0);
  });

  it('a long text of wide characters does not end the process', () => {
    const args = ['--max-old-space-size=256', scriptPath('wide-copier'), String(48 * 2 ** 20)];
    const { signal, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ signal, stdout }).toEqual({ signal: null, stdout: '0' });
  });
});

const BAD_PLACES: [string, unknown][] = [
  ...NO_NUMBERS.filter(([name]) => name !== 'a string'),
  ['a number', 7],
  ['a Buffer', Buffer.from('/tmp')],
];
/** What turns into words by running code of its own, or not at all. */
const UNSPEAKABLE = ['a bigint', 'an object that throws', 'a proxy that throws'];

describeFiles('hostile arguments of Vmem.create', () => {
  const create = (dir: unknown, size: unknown, options?: unknown): string =>
    failureOf(() => Vmem.create(dir as string, size as number, options as VmemOptions).delete());
  let before: number;

  beforeAll(() => {
    create(POOL_DIR, VMEM_MIN_POOL);
    before = countOpenFiles();
  });
  afterEach(() => {
    expect(countOpenFiles()).toBe(before);
  });

  it.each(BAD_PLACES.filter(([name]) => !UNSPEAKABLE.includes(name)))(
    'a place that is %s gives EINVAL',
    (_, dir) => {
      expect(create(dir, VMEM_MIN_POOL)).toBe('VmemError EINVAL');
    },
  );

  it.each(BAD_PLACES.filter(([name]) => UNSPEAKABLE.includes(name)))(
    'a place that is %s gives EINVAL',
    (_, dir) => {
      expect(create(dir, VMEM_MIN_POOL)).toBe('VmemError EINVAL');
    },
  );

  it.each(BAD_SIZES)('a size that is %s gives EINVAL', (_, size) => {
    expect(create(POOL_DIR, size)).toBe('VmemError EINVAL');
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 1],
    ['a string', 'overlay'],
    ['a function', fail],
    ['a symbol', Symbol('options')],
  ])('options that are %s give EINVAL', (_, options) => {
    expect(create(POOL_DIR, VMEM_MIN_POOL, options)).toBe('VmemError EINVAL');
    expect(failureOf(() => Vmem.createInRegion(new ArrayBuffer(VMEM_MIN_POOL), options as object))).toBe(
      'VmemError EINVAL',
    );
  });

  for (const option of ['threads', 'cacheBytes']) {
    const values = BAD_SIZES.filter(([, value]) => value !== undefined);
    it.each([...values, ['0', 0], ['2^32', 2 ** 32]] as [string, unknown][])(
      `${option} of %s give EINVAL`,
      (_, value) => {
        expect(create(POOL_DIR, VMEM_MIN_POOL, { [option]: value })).toBe('VmemError EINVAL');
      },
    );
  }

  it('errors of the options’ own code come through, and nothing is left open', () => {
    for (const option of ['backend', 'threads', 'cacheBytes']) {
      const options = Object.defineProperty({}, option, { get: fail, enumerable: true });
      expect(create(POOL_DIR, VMEM_MIN_POOL, options)).toBe('CallerError');
    }
    expect(create(POOL_DIR, VMEM_MIN_POOL, new Proxy({}, { get: fail, ownKeys: fail }))).toBe('CallerError');
  });

  it('options that nobody knows are ignored', () => {
    expect(create(POOL_DIR, VMEM_MIN_POOL, { zeroed: true, host: 1, id: [0, 0], backEnd: 7 })).toBe('none');
    const dirty = new Uint8Array(new SharedArrayBuffer(VMEM_MIN_POOL)).fill(0xff);
    const pool = Vmem.createInRegion(dirty, { zeroed: true } as object);
    expectEmptyAndWhole(pool);
  });
});
