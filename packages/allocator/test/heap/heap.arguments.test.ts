// Every public method with every kind of wrong argument: an error of class VmemError with the code that the
// method documents, or the documented result; and the heap and all live blocks are as before.

import { Heap, VmemError } from '@vmem-ts/allocator';
import { InnerHeap } from '../support/inner-heap';
import { holdsPattern, writePattern } from '../support/model-heap';

/** Blocks of each kind: small, with a slab's last class, whole pages. */
const SIZES = [24, 100, 16_384, 50_000];

class Scene {
  readonly heap = Heap.create(new SharedArrayBuffer(4 << 20));
  readonly foreign = Heap.create(new SharedArrayBuffer(4 << 20));
  readonly inner = new InnerHeap(this.heap);
  readonly live = SIZES.map((size) => this.heap.malloc(size));
  readonly memory = new Uint8Array(this.heap.buffer);
  readonly freed: number[];
  /** A block of another heap where this one has none. */
  readonly elsewhere: number;

  constructor() {
    const others = SIZES.map((size) => this.heap.malloc(size));
    for (const ptr of others) this.heap.free(ptr);
    this.freed = others;
    this.elsewhere = this.foreign.alignedAlloc(1 << 20, 20_000);
    this.live.forEach((ptr, i) => writePattern(this.memory, ptr, SIZES[i], ptr));
  }

  private liveBlocks = SIZES.length;

  /** What one test has left behind is not held against the next. */
  startOver(): void {
    this.liveBlocks = this.heap.stats().liveBlocks;
  }

  expectUntouched(what: string): void {
    const changed = this.live.filter((ptr, i) => !holdsPattern(this.memory, ptr, SIZES[i], ptr));
    const { liveBlocks } = this.heap.stats();
    const { problems } = this.heap.checkReport();
    expect({ what, changed, liveBlocks, problems }).toEqual({
      what,
      changed: [],
      liveBlocks: this.liveBlocks,
      problems: [],
    });
  }
}

const scene = new Scene();
const { heap, inner, live, freed } = scene;

beforeEach(() => scene.startOver());

const explode = (): never => {
  throw new Error("the caller's own code ran");
};
const reenter = (): number => {
  heap.free(heap.malloc(24));
  return live[0];
};

/** Values that are no number. */
const NO_NUMBERS: [string, unknown][] = [
  ["'x'", 'x'],
  ["'64'", '64'],
  ['a live pointer as text', String(live[0])],
  ['null', null],
  ['undefined', undefined],
  ['{}', {}],
  ['[]', []],
  ['an array of one size', [64]],
  ['true', true],
  ['1n', 1n],
  ['a live pointer as a bigint', BigInt(live[0])],
  ['a symbol', Symbol('hostile')],
  ['a function', explode],
  ['an object whose valueOf throws', { valueOf: explode }],
  ['an object whose toString throws', { toString: explode, valueOf: undefined }],
  ['an object whose toPrimitive throws', { [Symbol.toPrimitive]: explode }],
  ['an object whose valueOf uses the heap', { valueOf: reenter }],
  ['an object whose toPrimitive uses the heap', { [Symbol.toPrimitive]: reenter }],
  ['a proxy that throws', new Proxy({}, { get: explode, has: explode, getPrototypeOf: explode })],
  ['a Number object', Object(64)],
];

/** Numbers that are no size. */
const NO_SIZES: [string, unknown][] = [
  ['NaN', NaN],
  ['-1', -1],
  ['1.5', 1.5],
  ['-1.5', -1.5],
  ['Number.MIN_VALUE', Number.MIN_VALUE],
  ['-2^31', -(2 ** 31)],
  ['-2^53', -(2 ** 53)],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ...NO_NUMBERS,
];

/** Sizes beyond the heap. */
const TOO_LARGE = [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 64, 2 ** 53, 1e300];

/** What is no pointer to a live block; in the names, why. */
const NO_POINTERS: [string, unknown][] = [
  ...NO_SIZES,
  ...TOO_LARGE.map((n): [string, unknown] => [String(n), n]),
  ['2^53 - 1', 2 ** 53 - 1],
  ['the end of the heap', heap.size],
  ['the last granule of the heap', heap.size - 8],
  ['1', 1],
  ['8', 8],
  ['the identity', 4096],
  ['the tables', 2 * 4096],
  ['the page map', 8 * 4096],
  ["the page map's record of a live block", (live[0] >> 12) * 24 + 8 * 4096],
  ["this thread's cache", inner.cachePage(0) * 4096],
  ["this thread's cache, inside", inner.cachePage(0) * 4096 + 64],
  ['a page of states', inner.stateOf(live[0]) & ~4095],
  ['the states of a live block', inner.stateOf(live[0]) & ~7],
  ...live.flatMap((ptr, i): [string, unknown][] => [
    [`live block of ${SIZES[i]} + 1`, ptr + 1],
    [`live block of ${SIZES[i]} + 4`, ptr + 4],
    [`live block of ${SIZES[i]} + 8`, ptr + 8],
    [`the middle of the live block of ${SIZES[i]}`, ptr + (SIZES[i] >> 1)],
    [`live block of ${SIZES[i]} + 2^32`, ptr + 2 ** 32],
    [`live block of ${SIZES[i]} - 2^32`, ptr - 2 ** 32],
    [`live block of ${SIZES[i]} + 0.5`, ptr + 0.5],
    [`minus live block of ${SIZES[i]}`, -ptr],
  ]),
  ['a page inside the large live block', live[3] + 4096],
  ...freed.map((ptr, i): [string, unknown] => [`freed block of ${SIZES[i]}`, ptr]),
  ["another heap's pointer", scene.elsewhere],
];

function revokedType(): unknown {
  const { proxy, revoke } = Proxy.revocable(Uint8Array, {});
  revoke();
  return proxy;
}

const NO_TYPES: [string, unknown][] = [
  ...NO_NUMBERS,
  ['a number', 8],
  ['a proxy of a constructor that was revoked', revokedType()],
  ['DataView', DataView],
  ['Object', Object],
  ['an instance', new Uint8Array(8)],
  ['a constructor with elements of 3 bytes', Object.assign(function Fake() {}, { BYTES_PER_ELEMENT: 3 })],
  ["a constructor with elements of '8' bytes", Object.assign(function Fake() {}, { BYTES_PER_ELEMENT: '8' })],
  ['a function with elements of 8 bytes', Object.assign(() => undefined, { BYTES_PER_ELEMENT: 8 })],
];

const call = (method: string, ...args: unknown[]): unknown =>
  (heap as unknown as Record<string, (...args: unknown[]) => unknown>)[method](...args);

/** What a call does, in a word: the code of its error, the class of a wrong error, or its result. */
function outcomeOf(method: string, args: unknown[]): string {
  try {
    return `gives ${String(call(method, ...args))}`;
  } catch (error) {
    if (error instanceof VmemError) return error.message.length > 10 ? error.code : 'no message';
    return `${(error as Error).constructor.name}: ${(error as Error).message}`;
  }
}

function expectRefused(
  method: string,
  codes: string[],
  rows: [string, unknown][],
  argsFor: (value: unknown) => unknown[],
): void {
  const wrong: string[] = [];
  for (const [name, value] of rows) {
    const outcome = outcomeOf(method, argsFor(value));
    if (!codes.includes(outcome)) wrong.push(`${name}: ${outcome}`);
    scene.expectUntouched(`${method}: ${name}`);
  }
  expect(wrong).toEqual([]);
}

describe('sizes and counts', () => {
  test.each<[string, (value: unknown) => unknown[]]>([
    ['malloc', (value) => [value]],
    ['calloc', (value) => [value, 8]],
    ['calloc', (value) => [8, value]],
    ['calloc', (value) => [0, value]],
    ['realloc', (value) => [0, value]],
    ['realloc', (value) => [live[0], value]],
    ['realloc', (value) => [live[3], value]],
    ['alignedAlloc', (value) => [64, value]],
    ['alignedAlloc', (value) => [65_536, value]],
    ['alloc', (value) => [Uint8Array, value]],
    ['view', (value) => [Uint8Array, live[0], value]],
    ['mallocMany', (value) => [value, 1, new Float64Array(1)]],
    ['mallocMany', (value) => [value, 0, []]],
    ['mallocMany', (value) => [64, value, new Float64Array(1)]],
    ['mallocMany', (value) => [64, value, []]],
  ])('%s refuses what is none (%#)', (method, argsFor) => {
    expectRefused(method, ['EINVAL'], NO_SIZES, argsFor);
  });

  test('one that is missing is refused', () => {
    const calls: [string, unknown[]][] = [
      ['malloc', []],
      ['calloc', [8]],
      ['realloc', [0]],
      ['alignedAlloc', [8]],
      ['alloc', [Uint8Array]],
      ['view', [Uint8Array, live[0]]],
      ['mallocMany', []],
      ['mallocMany', [64]],
      ['mallocMany', [64, 1]],
      ['freeMany', []],
    ];
    for (const [method, args] of calls) expect([method, outcomeOf(method, args)]).toEqual([method, 'EINVAL']);
    scene.expectUntouched('missing arguments');
  });

  test.each(TOO_LARGE)('%p bytes are more than there is', (size) => {
    expect(outcomeOf('malloc', [size])).toBe('gives 0');
    expect(outcomeOf('calloc', [size, 1])).toBe('gives 0');
    expect(outcomeOf('calloc', [1, size])).toBe('gives 0');
    expect(outcomeOf('calloc', [size, size])).toBe('gives 0');
    for (const ptr of [0, ...live]) expect(outcomeOf('realloc', [ptr, size])).toBe('gives 0');
    expect(outcomeOf('alignedAlloc', [8, size])).toBe('gives 0');
    expect(outcomeOf('alignedAlloc', [8192, size])).toBe('gives 0');
    expect(outcomeOf('mallocMany', [size, 3, new Float64Array(3)])).toBe('gives 0');
    expect(outcomeOf('mallocMany', [size, 2 ** 40, []])).toBe('gives 0');
    expect(outcomeOf('mallocMany', [8, size, new Float64Array(3)])).toBe('EINVAL');
    expect(outcomeOf('freeMany', [[live[0]], size])).toBe('EINVAL');
    const [allocs, views] = size >= 2 ** 53 ? ['EINVAL', 'EINVAL'] : ['ENOMEM', 'EINVAL'];
    expect(outcomeOf('alloc', [Float64Array, size])).toBe(allocs);
    expect(outcomeOf('view', [Float64Array, live[0], size])).toBe(views);
    scene.expectUntouched(`size ${size}`);
  });

  test('-0 is 0', () => {
    const pointers = [
      call('malloc', -0),
      call('calloc', -0, -0),
      call('realloc', -0, -0),
      call('alignedAlloc', 8, -0),
    ];
    for (const ptr of pointers) heap.free(ptr as number);
    expect([call('usableSize', -0), call('free', -0)]).toEqual([0, undefined]);
    scene.expectUntouched('-0');
  });
});

describe('alignments', () => {
  const NO_ALIGNMENTS: [string, unknown][] = [
    ...NO_SIZES,
    ...[0, -0, 3, 6, 24, 100, 4095, 4097, 2 ** 31 - 1, 2 ** 32 + 1, 0.5, 0.25].map((n): [string, unknown] => [
      String(n),
      n,
    ]),
  ];

  test.each([0, 8, 5000, 20_000])('of a block of %p bytes: what is no power of two is refused', (size) => {
    expectRefused('alignedAlloc', ['EINVAL'], NO_ALIGNMENTS, (value) => [value, size]);
  });

  test.each([2 ** 23, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 52])('%p is more than the heap has', (alignment) => {
    expect(outcomeOf('alignedAlloc', [alignment, 8])).toBe('gives 0');
    scene.expectUntouched(`alignment ${alignment}`);
  });
});

describe('pointers', () => {
  test.each<[string, (value: unknown) => unknown[]]>([
    ['free', (value) => [value]],
    ['usableSize', (value) => [value]],
    ['realloc', (value) => [value, 100]],
    ['realloc', (value) => [value, 0]],
    ['realloc', (value) => [value, 100_000]],
    ['view', (value) => [Uint8Array, value, 1]],
    ['view', (value) => [Float64Array, value, 0]],
    ['freeMany', (value) => [[value]]],
    ['freeMany', (value) => [[0, value, live[0]]]],
  ])('%s refuses what is none (%#)', (method, argsFor) => {
    expectRefused(method, ['EBADPTR', 'EDOUBLEFREE'], NO_POINTERS, argsFor);
  });

  test('freeMany refuses what is none in typed arrays', () => {
    const numbers = NO_POINTERS.filter(([, value]) => typeof value === 'number');
    expectRefused('freeMany', ['EBADPTR', 'EDOUBLEFREE'], numbers, (value) => [
      Float64Array.of(value as number),
    ]);
    const words = numbers.filter(([, value]) => (value as number) >>> 0 !== 0);
    for (const Words of [Uint32Array, Int32Array]) {
      const isSame = ([, value]: [string, unknown]): boolean => Words.of(value as number)[0] === value;
      expectRefused('freeMany', ['EBADPTR', 'EDOUBLEFREE'], words.filter(isSame), (value) => [
        Words.of(0, value as number, live[0]),
      ]);
    }
  });

  test('contains says no, whatever it is', () => {
    const rows: [string, unknown][] = [...NO_POINTERS, ['0', 0], ['-0', -0], ['a view', new Uint8Array(8)]];
    expect(rows.filter(([, value]) => call('contains', value) !== false)).toEqual([]);
    expect(call('contains')).toBe(false);
    for (const ptr of live) expect(call('contains', ptr)).toBe(true);
    scene.expectUntouched('contains');
  });

  test('blockAt finds the block that one points into, or none', () => {
    const wrong = [...NO_POINTERS, ['0', 0] as const].filter(([, value]) => {
      const isInside = (ptr: number, i: number): boolean =>
        Number.isInteger(value) && Number(value) > ptr && Number(value) < ptr + SIZES[i];
      const block = call('blockAt', value) as { ptr: number } | undefined;
      return block?.ptr !== live.find(isInside);
    });
    expect(wrong).toEqual([]);
    scene.expectUntouched('blockAt');
  });
});

describe('arrays of pointers', () => {
  const NO_ARRAYS: [string, unknown][] = [
    ...NO_SIZES.filter(([, value]) => !Array.isArray(value)),
    ['an Int8Array', new Int8Array(8)],
    ['a Float32Array', new Float32Array(8)],
    ['a BigInt64Array', new BigInt64Array(8)],
    ['a DataView', new DataView(new ArrayBuffer(64))],
    ['a buffer', new ArrayBuffer(64)],
    ['a proxy of a Float64Array', new Proxy(new Float64Array(8), {})],
    ['an heir of a Float64Array', Object.create(new Float64Array(8))],
    ['what looks like an array', { length: 1, 0: live[0] }],
    ['an object with the prototype of a Float64Array', Object.create(Float64Array.prototype)],
  ];

  test('mallocMany refuses what is none', () => {
    expectRefused('mallocMany', ['EINVAL'], NO_ARRAYS, (value) => [64, 1, value]);
    expectRefused('mallocMany', ['EINVAL'], NO_ARRAYS, (value) => [64, 0, value]);
  });

  test('freeMany refuses what is none', () => {
    expectRefused('freeMany', ['EINVAL'], NO_ARRAYS, (value) => [value]);
    expectRefused('freeMany', ['EINVAL'], NO_ARRAYS, (value) => [value, 1]);
  });

  test('freeMany refuses a number of pointers that is none, or more than there are', () => {
    const rows = NO_SIZES.filter(([, value]) => value !== undefined);
    const counts: [string, unknown][] = [...rows, ['2', 2], ['2^32 + 1', 2 ** 32 + 1]];
    expectRefused('freeMany', ['EINVAL'], counts, (value) => [[live[0]], value]);
    expectRefused('freeMany', ['EINVAL'], counts, (value) => [Float64Array.of(live[0]), value]);
  });

  test('one whose buffer is gone, or shrinks, has no elements', () => {
    const gone = new Float64Array(8);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    const shrinking = new ArrayBuffer(64, { maxByteLength: 64 });
    const words = new Float64Array(shrinking, 0, 8);
    words[0] = live[0];
    shrinking.resize(8);
    for (const out of [gone, words]) {
      expect(outcomeOf('mallocMany', [64, 1, out])).toBe('EINVAL');
      expect(outcomeOf('freeMany', [out])).toBe('gives undefined');
      expect(outcomeOf('freeMany', [out, 1])).toBe('EINVAL');
    }
    scene.expectUntouched('buffers that are gone');
  });
});

describe('types of arrays', () => {
  test.each<[string, (value: unknown) => unknown[]]>([
    ['alloc', (value) => [value, 8]],
    ['alloc', (value) => [value, 0]],
    ['view', (value) => [value, live[0], 1]],
  ])('%s refuses what is none (%#)', (method, argsFor) => {
    expectRefused(method, ['EINVAL'], NO_TYPES, argsFor);
  });
});

describe('statics', () => {
  const statics = Heap as unknown as Record<string, (...args: unknown[]) => unknown>;
  const codeOfStatic = (name: string, ...args: unknown[]): string => {
    try {
      return `gives ${String(statics[name](...args))}`;
    } catch (error) {
      if (error instanceof VmemError) return error.code;
      return `${(error as Error).constructor.name}: ${(error as Error).message}`;
    }
  };

  /** Reading a proxy runs its traps; what they throw is the caller's own. */
  const READABLE = NO_SIZES.filter(([name]) => name !== 'a proxy that throws');
  const notRefused = (name: string, argsFor: (value: unknown) => unknown[]): [string, string][] =>
    READABLE.map(([what, value]): [string, string] => [what, codeOfStatic(name, ...argsFor(value))]).filter(
      ([, code]) => code !== 'EINVAL',
    );

  test('create refuses what is no memory', () => {
    expect(notRefused('create', (value) => [value])).toEqual([]);
  });

  test('attach refuses what is no handle', () => {
    expect(notRefused('attach', (value) => [value])).toEqual([]);
    scene.expectUntouched('attach');
  });

  test.each(['buffer', 'byteOffset', 'size', 'id'] as const)(
    'attach refuses a handle with a wrong %s',
    (field) => {
      const { handle } = heap;
      expect(notRefused('attach', (value) => [{ ...handle, [field]: value }])).toEqual([]);
      scene.expectUntouched(`attach: ${field}`);
    },
  );

  test('a proxy that was revoked can not be read', () => {
    const revoked = (): unknown => {
      const { proxy, revoke } = Proxy.revocable([], {});
      revoke();
      return proxy;
    };
    const memory = new SharedArrayBuffer(1 << 20);
    const calls: [string, ...unknown[]][] = [
      ['attach', revoked()],
      ['attach', { ...heap.handle, id: revoked() }],
      ['attach', heap.handle, revoked()],
      ['attach', heap.handle, { host: revoked() }],
      ['create', revoked()],
      ['create', memory, revoked()],
      ['create', memory, { host: revoked() }],
      ['create', memory, { source: revoked() }],
    ];
    expect(calls.map(([name, ...args]) => codeOfStatic(name, ...args))).toEqual(calls.map(() => 'EINVAL'));
    scene.expectUntouched('revoked proxies');
  });

  test('a handle that changes while it is read does no harm', () => {
    const { handle } = heap;
    for (const field of ['buffer', 'byteOffset', 'size', 'id'] as const) {
      for (const later of ['8', NaN, -8, 8, 2 ** 53, null, undefined, 1n, {}, [], 2 ** 20]) {
        let reads = 0;
        const shifty = { ...handle };
        Object.defineProperty(shifty, field, { get: () => (reads++ < 1 ? handle[field] : later) });
        const before = heap.stats().threads;
        const outcome = codeOfStatic('attach', shifty);
        if (/gives/.test(outcome)) expect(heap.stats().threads).toBe(before + 1);
        else expect(outcome).toMatch(/^E[A-Z]+$/);
        expect(heap.check()).toBe(1);
      }
    }
    scene.expectUntouched('shifty handles');
  });

  test.each([
    ['create', () => new SharedArrayBuffer(1 << 20)],
    ['attach', () => heap.handle],
  ])('%s refuses options or a host that are none', (name, first) => {
    const functions = { identity: explode, isAlive: explode, onDeath: explode };
    const options = [
      null,
      { host: 7 },
      { host: {} },
      { host: { identity: 1 } },
      { host: { ...functions, barrier: true } },
    ];
    expect(options.filter((value) => codeOfStatic(name, first(), value) !== 'EINVAL')).toEqual([]);
    scene.expectUntouched('options');
  });
});

test('a caller at the end of its stack gets an error, and the heap stays sound', () => {
  const mine = Heap.create(new SharedArrayBuffer(8 << 20));
  for (let round = 0; round < 100; round++) {
    const pointers: number[] = [];
    const recurse = (depth: number): void => {
      const ptr = mine.malloc([24, 2000, 17_000 + (round % 5) * 5000][depth % 3]);
      if (ptr !== 0) pointers.push(ptr);
      if (pointers.length > 3) mine.free(pointers.shift()!);
      recurse(depth + 1);
    };
    expect(() => recurse(round)).toThrow(RangeError);
    expect(mine.checkReport().problems).toEqual([]);
  }
});
