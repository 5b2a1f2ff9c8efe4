// The static functions of Buffer that allocate. Each takes over what it knows to be right and large, and leaves everything
// else, wrong arguments above all, to the original.

import { types } from 'node:util';
import { disguise, putInPlace } from './disguise';
import type { Lender } from './lender';
import { byteCount, elementCount, isBigIntArray, setElements } from './typed-array';

const { isTypedArray, isUint8Array } = types;
// eslint-disable-next-line @typescript-eslint/unbound-method -- compared only
const { valueOf } = Object.prototype;
const { isArray } = Array;
const { isSafeInteger } = Number;

/** What Buffers are made by: `Buffer` itself only hands on to its static functions. */
const BufferClass = (Buffer as unknown as Record<symbol, new (memory: ArrayBuffer) => Buffer>)[
  Symbol.species
];

/* eslint-disable @typescript-eslint/unbound-method -- as they were at the start; those of Buffers are applied to one */
const { byteLength, isEncoding } = Buffer;
const methods = Buffer.prototype as Buffer;
const fill = Function.prototype.call.bind(methods.fill) as (
  target: Buffer,
  value: unknown,
  offset: number,
  end: number,
  encoding?: unknown,
) => Buffer;
const write = Function.prototype.call.bind(methods.write) as (
  target: Buffer,
  text: string,
  encoding: string,
) => number;
const subarray = Function.prototype.call.bind(methods.subarray) as (
  target: Buffer,
  start: number,
  end?: number,
) => Buffer;
/* eslint-enable @typescript-eslint/unbound-method */

/** Whether a typed array shows the length that it has, and has some: one that is detached is the original's business. */
const isUsual = (array: NodeJS.TypedArray): boolean =>
  elementCount(array) > 0 && array.length === elementCount(array);

type Original = (...args: unknown[]) => Buffer;
type Originals = Record<
  'alloc' | 'allocUnsafe' | 'allocUnsafeSlow' | 'concat' | 'copyBytesFrom' | 'from',
  Original
>;

/** Replaces the functions, and `SlowBuffer` of the module `buffer` where this runtime still has it. */
export function replaceBufferFunctions(lender: Lender, bufferModule: object): void {
  const { minSize } = lender;
  const originals = { ...Buffer } as unknown as Originals;

  const isLarge = (size: unknown): size is number =>
    typeof size === 'number' && size >= minSize && isSafeInteger(size);
  const made = (bytes: number, zeroed = false): Buffer | undefined => {
    const memory = lender.buffer(bytes, zeroed);
    return memory === undefined ? undefined : new BufferClass(memory);
  };
  const unsafe = (original: Original) =>
    function (size: unknown, alignment: unknown): Buffer {
      // the alignment of its address, which newer runtimes let one ask for, is not a block's
      const buffer = isLarge(size) && alignment === undefined ? made(size) : undefined;
      return buffer ?? original(size, alignment);
    };
  const copied = (bytes: unknown): Buffer | undefined => {
    const buffer = made(elementCount(bytes));
    if (buffer !== undefined) setElements(buffer, bytes);
    return buffer;
  };

  const fromText = (text: string, encoding: unknown): Buffer | undefined => {
    const name = typeof encoding === 'string' && encoding !== '' ? encoding : 'utf8';
    if (text.length < minSize / 3 || !isEncoding(name)) return undefined;
    const most = byteLength(text, name);
    const buffer = most >= minSize ? made(most) : undefined;
    if (buffer === undefined) return undefined;
    const length = write(buffer, text, name);
    return length === most ? buffer : subarray(buffer, 0, length);
  };

  const joined = (list: unknown, length: unknown): Buffer | undefined => {
    // joining nothing gives nothing, whatever length is asked for
    if (!isArray(list) || list.length === 0) return undefined;
    const parts: unknown[] = [];
    let total = 0;
    for (let index = 0; index < list.length; index++) {
      const part: unknown = list[index];
      if (!isUint8Array(part) || !isUsual(part)) return undefined;
      parts.push(part);
      total += byteCount(part);
    }
    const bytes: unknown = length === undefined ? total : length;
    // a shorter result cuts a part off: rare, and the original's business
    const buffer = isLarge(bytes) && bytes >= total ? made(bytes) : undefined;
    if (buffer === undefined) return undefined;
    let end = 0;
    for (const part of parts) {
      setElements(buffer, part, end);
      end += byteCount(part);
    }
    return end < buffer.length ? fill(buffer, 0, end, buffer.length) : buffer;
  };

  const replacements: Originals = {
    alloc(size, value, encoding) {
      const isZero = value === undefined || value === 0;
      const buffer = isLarge(size) ? made(size, isZero) : undefined;
      if (buffer === undefined) return originals.alloc(size, value, encoding);
      return isZero ? buffer : fill(buffer, value, 0, size as number, encoding);
    },
    allocUnsafe: unsafe(originals.allocUnsafe),
    allocUnsafeSlow: unsafe(originals.allocUnsafeSlow),
    from(value, encodingOrOffset, length) {
      let buffer: Buffer | undefined;
      if (typeof value === 'string') {
        buffer = fromText(value, encodingOrOffset);
      } else if (isTypedArray(value) && elementCount(value) >= minSize && !isBigIntArray(value)) {
        if (isUsual(value) && value.valueOf === valueOf) buffer = copied(value);
      }
      if (buffer !== undefined) return buffer;
      const original = originals.from(value, encodingOrOffset, length);
      // of an array the original has made its own memory
      const isFresh = isArray(value) && original.length >= minSize;
      return (isFresh ? copied(original) : undefined) ?? original;
    },
    concat(list, length) {
      return joined(list, length) ?? originals.concat(list, length);
    },
    copyBytesFrom(...args) {
      const original = originals.copyBytesFrom(...args);
      return (original.length >= minSize ? copied(original) : undefined) ?? original;
    },
  };
  for (const [name, replacement] of Object.entries(replacements)) {
    const original = originals[name as keyof Originals];
    putInPlace(Buffer, name, disguise(replacement, original));
  }
  const { SlowBuffer } = bufferModule as { SlowBuffer?: Original };
  if (SlowBuffer !== undefined) {
    putInPlace(bufferModule, 'SlowBuffer', disguise(unsafe(SlowBuffer), SlowBuffer));
  }
}
