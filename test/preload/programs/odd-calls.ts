// Calls everything that the preload replaces with likely and unlikely arguments, drawn at random, and prints a line for each
// call: what came of it. The lines must not depend on the preload.
//
// Arguments: the first seed, how many calls.

import { MessageChannel, markAsUntransferable, receiveMessageOnPort } from 'node:worker_threads';
import { typedArrays as builtIn } from './typed-arrays';

const [seed = 1, count = 1000] = process.argv.slice(2).map(Number);

let state = seed >>> 0;
/** mulberry32: a whole number below `n`. */
function below(n: number): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
const oneOf = <T>(values: readonly T[]): T => values[below(values.length)];

type Class = new (...args: unknown[]) => object;
const typedArrays = builtIn as unknown as Class[];
const buffers = [ArrayBuffer, SharedArrayBuffer] as unknown as Class[];
const classes = [...typedArrays, ...typedArrays, ...buffers];
const subclasses = new Map(classes.map((Base) => [Base, class Sub extends Base {}]));

const SIZES = [0, 1, 7, 8, 100, 4095, 4096, 16383, 16384, 16385, 65536, 70000, 131072, 200_000];
const ODD_NUMBERS = [-1, -0, 0.5, 16384.5, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 53 + 2, 2 ** 62, 1e300];
const TEXTS = ['', 'a', '70000', 'no', 'äöü€😀', '\ud800x', 'zz'];
const ENCODINGS = [
  'utf8',
  'UTF-8',
  'hex',
  'base64',
  'base64url',
  'latin1',
  'binary',
  'ascii',
  'ucs2',
  'utf16le',
];

function text(): string {
  const part = oneOf([...TEXTS, 'abcdef0123', 'QUJD', 'ff0', 'ab cd', 'a\udc00b']);
  return part.repeat(Math.min(below(3) === 0 ? below(60_000) : below(20), 200_000 / (part.length + 1)));
}

function filled(Type: Class, length: number): object {
  const array = new Type(length) as unknown as Record<number, unknown>;
  const isBig = Type.name.startsWith('Big');
  for (let index = 0; index < length; index += 1 + below(97)) {
    array[index] = isBig ? BigInt(below(256)) : below(256);
  }
  return array;
}

const numbers = (): number[] => Array.from({ length: oneOf(SIZES) }, (_, index) => (index * 7) % 300);

function value(): unknown {
  switch (below(22)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return oneOf(SIZES);
    case 5:
      return oneOf(ODD_NUMBERS);
    case 6:
      return text();
    case 7:
      return oneOf([undefined, null, true, false, 5n, Symbol('s')]);
    case 8:
    case 9:
      return filled(oneOf(typedArrays), oneOf(SIZES));
    case 10:
      return new ArrayBuffer(oneOf(SIZES));
    case 11:
      return new SharedArrayBuffer(oneOf(SIZES));
    case 12:
      return numbers();
    case 13:
      return new Set(numbers());
    case 14:
      return { length: oneOf([...SIZES, -1, '3', NaN]), 0: 5, 1: 'x' };
    case 15:
      return Buffer.alloc(oneOf(SIZES), 'xyz');
    case 16:
      return { valueOf: () => oneOf(SIZES) };
    case 17:
      return { [Symbol.toPrimitive]: () => text() };
    case 18:
      return new DataView(new ArrayBuffer(oneOf(SIZES)));
    case 19:
      return (function* () {
        yield* [1, 2, 3];
        if (below(2) === 0) throw new Error('thrown by an iterator');
      })();
    case 20:
      return { type: 'Buffer', data: [1, 2, 3] };
    default:
      return () => 1;
  }
}

const options = (): unknown =>
  below(4) === 0 ? { maxByteLength: oneOf([...SIZES, ...ODD_NUMBERS, undefined]) } : value();
const encoding = (): unknown => (below(4) === 0 ? value() : oneOf(ENCODINGS));

type Call = () => unknown;
interface Callable {
  [name: string]: (...args: unknown[]) => unknown;
}
const buffer = Buffer as unknown as Callable;
const { port1, port2 } = new MessageChannel();

function constructing(): Call {
  const Type = oneOf(classes);
  const args = [value(), ...(below(3) === 0 ? [options(), value()] : [])];
  switch (below(6)) {
    case 0:
      return () => new (subclasses.get(Type)!)(...args);
    case 1:
      return () => (Type as unknown as (...args: unknown[]) => unknown)(...args);
    case 2:
      return () => Reflect.construct(Type, args, oneOf([...subclasses.values(), Object, Date]));
    default:
      return () => new Type(...args);
  }
}

function ofBuffer(): Call {
  const name = oneOf(['alloc', 'from', 'from', 'from', 'concat', 'copyBytesFrom', 'of']);
  switch (name) {
    case 'alloc':
      return () => buffer.alloc(value(), below(3) === 0 ? undefined : value(), encoding());
    case 'concat': {
      const list: unknown = below(8) === 0 ? value() : Array.from({ length: below(5) }, () => piece());
      return () => buffer.concat(list, below(3) === 0 ? value() : undefined);
    }
    case 'of':
      return () => buffer.of(...numbers().slice(0, 5000));
    case 'from':
      if (below(3) === 0) return () => buffer.from(text(), encoding());
      return () => buffer.from(value(), below(2) === 0 ? encoding() : undefined);
    default:
      return () => buffer.copyBytesFrom(value(), below(2) === 0 ? value() : undefined, value());
  }
}

const piece = (): unknown => (below(20) === 0 ? value() : filled(Uint8Array, oneOf(SIZES)));

function unsafe(): Call {
  const name = oneOf(['allocUnsafe', 'allocUnsafeSlow']);
  return () => (buffer[name](value()) as Buffer).fill(3);
}

function ofInstance(): Call {
  const Type = oneOf(typedArrays);
  const array = filled(Type, oneOf(SIZES)) as unknown as Callable;
  const [first, second] = [below(70_000), below(140_000)];
  const name = oneOf(['slice', 'subarray', 'map', 'filter', 'toSorted', 'toReversed', 'with']);
  if (array[name] === undefined) return () => 'there is none';
  if (name === 'map') return () => array.map((element: unknown) => element);
  if (name === 'filter') return () => array.filter((_: unknown, index: unknown) => (index as number) % 3 > 0);
  if (name === 'with') return () => array.with(0, Type.name.startsWith('Big') ? 1n : 1);
  return () => (name.startsWith('to') ? array[name]() : array[name](first, second));
}

function statics(): Call {
  const Type = oneOf(typedArrays) as unknown as Callable;
  switch (below(3)) {
    case 0:
      return () => Type.from(value(), below(2) === 0 ? (element: unknown) => element : undefined);
    case 1:
      return () => Type.of(...numbers().slice(0, 20_000));
    default:
      return () => (new ArrayBuffer(oneOf(SIZES)) as unknown as Callable).slice(value(), value());
  }
}

function transfers(): Call {
  const array = filled(oneOf(typedArrays), oneOf(SIZES)) as { buffer: ArrayBuffer };
  const list: unknown = oneOf([
    [array.buffer],
    [],
    undefined,
    [array.buffer, array.buffer],
    [{}],
    value(),
    { [Symbol.iterator]: () => oneOf<unknown>([{}, 5, { next: 5 }, null]) },
  ]);
  const message = { array, again: array, alone: array.buffer };
  if (below(6) === 0) markAsUntransferable(array.buffer);
  if (below(2) === 0) {
    return () => [structuredClone(message, { transfer: list as never }), array.buffer.byteLength];
  }
  return () => {
    port1.postMessage(message, below(2) === 0 ? (list as never) : ({ transfer: list } as never));
    return [(receiveMessageOnPort(port2) as { message: unknown }).message, array.buffer.byteLength];
  };
}

const encode = (): Call => () => new TextEncoder().encode(text());

function hash(bytes: Uint8Array): string {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return (sum >>> 0).toString(16);
}

const isBuffer = (found: unknown): found is ArrayBuffer =>
  found instanceof ArrayBuffer || found instanceof SharedArrayBuffer;

function told(found: unknown): string {
  if (Array.isArray(found)) return `[${found.map(told).join(', ')}]`;
  if (typeof found !== 'object' || found === null) return String(found);
  const tag = Object.prototype.toString.call(found);
  const maker = (Object.getPrototypeOf(found) as object).constructor;
  const isKnown = (maker as unknown) === (globalThis as unknown as Record<string, unknown>)[maker.name];
  const words: unknown[] = [tag, maker.name, isKnown];
  if (isBuffer(found)) {
    const { resizable, growable } = found as unknown as Record<string, unknown>;
    words.push(found.byteLength, String(resizable), String(growable), hash(new Uint8Array(found)));
  } else if (ArrayBuffer.isView(found)) {
    const { byteLength, byteOffset, buffer: memory } = found;
    words.push(byteLength, hash(new Uint8Array(memory, byteOffset, byteLength)));
    // small Buffers share their memory with others
    if (byteLength > 32768) words.push(byteOffset, memory.byteLength);
  } else {
    words.push(...Object.entries(found).map(([name, part]) => `${name}: ${told(part)}`));
  }
  return words.join(' ');
}

const KINDS = [
  constructing,
  constructing,
  ofBuffer,
  ofBuffer,
  unsafe,
  ofInstance,
  statics,
  transfers,
  encode,
];
const lines: string[] = [];
for (let index = 0; index < count; index++) {
  state = (seed + index) >>> 0;
  let line: string;
  try {
    line = told(oneOf(KINDS)()());
  } catch (error) {
    const { name, message, code } = error as Error & { code?: unknown };
    line = `${name} ${String(code)} ${message}`;
  }
  lines.push(`${seed + index} ${line}`);
}
port1.close();
process.stdout.write(`${lines.join('\n')}\n`);
