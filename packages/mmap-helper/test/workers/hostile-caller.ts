// Calls every function with what it must refuse, and prints the answers. After each call it touches every page of the
// buffer that the calls were about: a hole there would be the end of this process.
import { closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as helper from '@vmem-ts/mmap-helper';

export interface HostileCall {
  readonly call: string;
  /** Which argument, counted from 0, or which property. */
  readonly place: string;
  readonly value: string;
  /** The error's class, or 'none'. */
  readonly error: string;
  readonly code?: string;
}

const MIB = 2 ** 20;
const PAGE = 4096;

const fd = helper.openUnnamedFile(tmpdir());
helper.allocateFile(fd, 0, MIB);
const buffer = helper.reserve(MIB);
helper.overlayFile(buffer, 0, MIB / 2, fd, 0, 'shared');
const bytes = new Uint8Array(buffer, 0, MIB);
const mapped = helper.mapFile(fd, 0, MIB, 'shared');
const identity = helper.threadIdentity();
const word = { byteOffset: 0, op: 'store', value: 0 } as const;

type Kind = 'path' | 'fd' | 'number' | 'size' | 'word' | 'buffer' | 'flag' | 'object';
type AnyFunction = (...args: never[]) => unknown;

/** Each function with good arguments, and what kind each of them is. */
const FUNCTIONS: readonly [AnyFunction, ...[unknown, Kind][]][] = [
  [helper.openUnnamedFile, [tmpdir(), 'path']],
  [helper.openFile, [tmpdir(), 'path']],
  [helper.closeFile, [fd, 'fd']],
  [helper.adoptFile, [fd, 'fd']],
  [helper.lockFile, [fd, 'fd'], ['shared', 'word']],
  [helper.privatePages, [buffer, 'buffer'], [0, 'number'], [PAGE, 'number']],
  [helper.allocateFile, [fd, 'fd'], [0, 'size'], [PAGE, 'size']],
  [helper.punchHole, [fd, 'fd'], [0, 'size'], [PAGE, 'size']],
  [helper.fileInfo, [fd, 'fd']],
  [helper.reserve, [PAGE, 'size'], [PAGE, 'number']],
  [helper.alignedOffset, [buffer, 'buffer'], [PAGE, 'number']],
  [helper.addressAlignment, [buffer, 'object'], [0, 'number'], [PAGE, 'size']],
  [
    helper.overlayFile,
    [buffer, 'buffer'],
    [0, 'number'],
    [PAGE, 'number'],
    [fd, 'fd'],
    [0, 'number'],
    ['shared', 'word'],
  ],
  [helper.dropMapping, [buffer, 'buffer'], [0, 'number'], [PAGE, 'number']],
  [helper.mayMap, [1, 'number']],
  [helper.freeFileSpace, [buffer, 'buffer'], [0, 'number'], [PAGE, 'number']],
  [helper.mapFile, [fd, 'fd'], [0, 'number'], [PAGE, 'number'], ['shared', 'word']],
  [helper.advise, [buffer, 'buffer'], [0, 'number'], [PAGE, 'number'], ['normal', 'word']],
  [helper.sync, [buffer, 'buffer'], [0, 'number'], [PAGE, 'number'], [true, 'flag']],
  [helper.isThreadAlive, [identity, 'object']],
  [helper.onThreadDeath, [buffer, 'buffer'], [[word], 'object']],
  [helper.cancelThreadDeaths, [buffer, 'buffer'], [0, 'number'], [PAGE, 'number']],
];

const NUMBERS: readonly [string, unknown][] = [
  ['NaN', NaN],
  ['-1', -1],
  ['1.5', 1.5],
  ['Infinity', Infinity],
  ['2^31', 2 ** 31],
  ['2^32', 2 ** 32],
  ['2^53', 2 ** 53],
  ['-2^53', -(2 ** 53)],
];
const NO_NUMBERS: readonly [string, unknown][] = [
  ['a string', 'x'],
  ['a number in a string', '4096'],
  ['null', null],
  ['undefined', undefined],
  ['an object', {}],
  ['an array', [0]],
  ['true', true],
  ['a symbol', Symbol('x')],
  ['a bigint', 4096n],
  ['a function', () => 0],
  ['an object that is a number', Object(4096)],
  [
    'an object that throws',
    { valueOf: () => fail(), toString: () => fail(), [Symbol.toPrimitive]: () => fail() },
  ],
];

function fail(): never {
  throw new Error('code of a hostile value was run');
}

/** Values that are good ones after all: gigabytes of a sparse file, the default of an argument that may be left out. */
function isGood(call: AnyFunction, place: number, kind: Kind, value: unknown): boolean {
  if (kind === 'flag') return value === true;
  if (call === helper.lockFile && place === 1 && value === undefined) return true;
  if (kind === 'size') return value === 2 ** 31 || value === 2 ** 32;
  return (
    call === helper.reserve && place === 1 && (value === undefined || value === 2 ** 31 || value === 2 ** 32)
  );
}

const results: HostileCall[] = [];

function attempt(call: AnyFunction, place: string, value: string, args: readonly unknown[]): void {
  let error = 'none';
  let code: string | undefined;
  try {
    (call as (...args: unknown[]) => unknown)(...args);
  } catch (thrown) {
    const { name, code: itsCode } = thrown as { name: string; code?: string };
    error = name;
    code = itsCode;
  }
  for (let offset = 0; offset < MIB; offset += PAGE) {
    bytes[offset] += 1;
  }
  results.push({ call: call.name, place, value, error, ...(code !== undefined && { code }) });
}

/** Each argument in turn replaced by each bad value. */
function callWithValues(): void {
  for (const [call, ...parameters] of FUNCTIONS) {
    const good = parameters.map(([value]) => value);
    for (const [place, [, kind]] of parameters.entries()) {
      for (const [name, value] of [...NUMBERS, ...NO_NUMBERS]) {
        if (isGood(call, place, kind, value)) continue;
        attempt(call, String(place), name, good.with(place, value));
      }
    }
    attempt(call, 'all', 'no arguments', []);
  }
  for (const call of [helper.openUnnamedFile, helper.openFile]) {
    attempt(call, '0', 'an empty string', ['']);
    attempt(call, '0', 'a path with a zero byte', ['/tmp\0/x']);
    attempt(call, '0', 'a long path', ['/x'.repeat(5000)]);
  }
}

/** Each buffer argument replaced by buffers that must not be mapped over. */
function callWithBuffers(): void {
  const detached = new ArrayBuffer(MIB);
  structuredClone(detached, { transfer: [detached] });
  const dressedUp = Object.defineProperties(new SharedArrayBuffer(MIB), {
    growable: { value: true },
    maxByteLength: { value: MIB },
    byteLength: { value: MIB },
    constructor: { value: SharedArrayBuffer },
  });
  const longer = Object.defineProperties(new SharedArrayBuffer(PAGE, { maxByteLength: PAGE }), {
    byteLength: { value: 2 ** 40 },
    maxByteLength: { value: 2 ** 40 },
  });
  const buffers: [string, unknown, ((call: AnyFunction) => boolean)?][] = [
    ['a plain SharedArrayBuffer', new SharedArrayBuffer(MIB), forWatch],
    ['a plain SharedArrayBuffer dressed up as growable', dressedUp, forWatch],
    ['a plain ArrayBuffer', new ArrayBuffer(MIB), forWatch],
    ['a resizable ArrayBuffer', new ArrayBuffer(MIB, { maxByteLength: 2 * MIB }), forWatch],
    ['a shared WebAssembly memory', wasmMemory(), forWatch],
    ['a buffer of mapFile', mapped, (call) => call === helper.advise || call === helper.sync],
    ['a detached ArrayBuffer', detached],
    ['an empty growable buffer', new SharedArrayBuffer(0, { maxByteLength: MIB })],
    ['a Uint8Array', bytes],
    ['a DataView', new DataView(buffer)],
    ['a Buffer', Buffer.alloc(MIB)],
    ['a Proxy of a growable buffer', new Proxy(buffer, {})],
    ['an heir of a growable buffer', Object.create(buffer)],
    ['the prototype', SharedArrayBuffer.prototype],
    [
      'a lookalike',
      { growable: true, byteLength: MIB, maxByteLength: MIB, [Symbol.toStringTag]: 'SharedArrayBuffer' },
    ],
  ];
  for (const [call, ...parameters] of FUNCTIONS) {
    const good = parameters.map(([value]) => value);
    for (const [place, [, kind]] of parameters.entries()) {
      if (kind !== 'buffer') continue;
      for (const [name, value, isAllowed] of buffers) {
        if (isAllowed?.(call)) continue;
        attempt(call, String(place), name, good.with(place, value));
      }
      if (parameters.length > 2) {
        attempt(call, String(place), 'a buffer that says it is longer', [
          longer,
          0,
          2 * PAGE,
          ...good.slice(3),
        ]);
        attempt(call, String(place), 'a range beyond the end', [buffer, MIB, PAGE, ...good.slice(3)]);
        attempt(call, String(place), 'a range across the end', [
          buffer,
          MIB - PAGE,
          2 * PAGE,
          ...good.slice(3),
        ]);
        attempt(call, String(place), 'a range of nothing', [buffer, 0, 0, ...good.slice(3)]);
        if (call !== helper.cancelThreadDeaths) {
          attempt(call, String(place), 'a misaligned range', [buffer, 8, PAGE, ...good.slice(3)]);
        }
      }
    }
  }
  // Accessors exchanged behind the package's back.
  const { growable, byteLength } = Object.getOwnPropertyDescriptors(SharedArrayBuffer.prototype);
  Object.defineProperties(SharedArrayBuffer.prototype, {
    growable: { configurable: true, get: () => true },
    byteLength: { configurable: true, get: () => 2 ** 40 },
  });
  attempt(helper.dropMapping, '0', 'exchanged accessors', [new SharedArrayBuffer(MIB), 0, PAGE]);
  attempt(helper.dropMapping, '1', 'exchanged accessors', [buffer, MIB, PAGE]);
  Object.defineProperties(SharedArrayBuffer.prototype, { growable, byteLength });
}

/** A SharedArrayBuffer that no JavaScript made. (The types of WebAssembly come with those of the web only.) */
function wasmMemory(): unknown {
  type MemoryConstructor = new (options: object) => { buffer: unknown };
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { Memory: MemoryConstructor } };
  return new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true }).buffer;
}

/** A watch needs no pages, and so takes any buffer. */
function forWatch(call: AnyFunction): boolean {
  return call === helper.onThreadDeath || call === helper.cancelThreadDeaths;
}

/** Each descriptor argument replaced by descriptors of other things. */
function callWithDescriptors(): void {
  const closed = openSync('/dev/null', 'r');
  closeSync(closed);
  const descriptors: [string, number][] = [
    ['a closed one', closed],
    ['the largest number', 2 ** 31 - 1],
    ['standard input', 0],
    ['a directory', openSync('/', 'r')],
    ['a file for reading', openSync(process.execPath, 'r')],
    ['a file for writing', openSync('/proc/self/comm', 'w')],
    ['/dev/null', openSync('/dev/null', 'r+')],
    ['/dev/zero', openSync('/dev/zero', 'r+')],
    ['a pipe', process.stdout.fd],
    ['a file of /proc', openSync('/proc/self/maps', 'r')],
    ['an empty file', helper.openUnnamedFile(tmpdir())],
  ];
  for (const [call, ...parameters] of FUNCTIONS) {
    const good = parameters.map(([value]) => value);
    for (const [place, [, kind]] of parameters.entries()) {
      if (kind !== 'fd') continue;
      for (const [name, value] of descriptors) {
        const isGoodFile =
          (name === 'an empty file' && call !== helper.overlayFile && call !== helper.mapFile) ||
          ((call === helper.fileInfo || call === helper.adoptFile) && name.includes('file')) ||
          (call === helper.lockFile && name !== 'the largest number'); // anything can be locked
        if (!isGoodFile) attempt(call, String(place), name, good.with(place, value));
      }
    }
  }
  // Among these are the runtime's own, which it can't do without.
  for (let number = 0; number < 64; number++) {
    const isOurs = number === fd || number === descriptors.at(-1)?.[1];
    if (!isOurs) attempt(helper.closeFile, '0', `${number}`, [number]);
  }
}

/** Properties of objects replaced. */
function callWithObjects(): void {
  for (const [name, value] of [...NUMBERS, ...NO_NUMBERS]) {
    for (const property of ['pid', 'tid', 'startTime']) {
      const isTime = property === 'startTime' && ['2^31', '2^32', 'undefined'].includes(name);
      if (!isTime) attempt(helper.isThreadAlive, property, name, [{ ...identity, [property]: value }]);
    }
    for (const property of ['byteOffset', 'op', 'value']) {
      if (property === 'value' && name === '-1') continue;
      attempt(helper.onThreadDeath, property, name, [buffer, [word, { ...word, [property]: value }]]);
    }
    attempt(helper.onThreadDeath, 'word', name, [buffer, [word, value]]);
  }
  let reads = 0;
  const fickle = {
    ...word,
    get byteOffset() {
      return reads++ === 0 ? MIB : 0;
    },
  };
  attempt(helper.onThreadDeath, 'byteOffset', 'one that changes', [buffer, [fickle]]);
  attempt(helper.onThreadDeath, '1', 'a sparse array', [buffer, new Array(3)]);
  attempt(helper.onThreadDeath, '1', 'an endless array', [buffer, new Array(2 ** 32 - 1)]);
  attempt(helper.onThreadDeath, '1', 'no words', [buffer, []]);
  attempt(helper.onThreadDeath, '1', 'an endless proxy', [
    buffer,
    new Proxy([word], { get: (target, key) => (key === 'length' ? Infinity : Reflect.get(target, key)) }),
  ]);
  const lost = new ArrayBuffer(MIB);
  const detaching = {
    ...word,
    get value() {
      structuredClone(lost, { transfer: [lost] });
      return 0;
    },
  };
  attempt(helper.onThreadDeath, 'value', 'one that detaches the buffer', [lost, [detaching]]);
}

const TABLES: Record<string, () => void> = {
  values: callWithValues,
  buffers: callWithBuffers,
  descriptors: callWithDescriptors,
  objects: callWithObjects,
};
TABLES[process.argv[2]]();
console.log(JSON.stringify(results));
