/*
 * Decides which buffers may be mapped over, and turns a range of one into the bytes that native code gets.
 *
 * A property that a buffer shows can be faked; what the accessors of the prototypes say can't, if they are the
 * original ones. So everything used here was taken from the language when this module was loaded.
 */
import { outOfRange, requireWhole, wrongType } from './arguments.js';

const apply = Reflect.apply.bind(Reflect);
const Bytes = Uint8Array;

type Accessor = (this: unknown) => unknown;

function accessor(prototype: object, name: string): Accessor {
  const property: { get?: Accessor } | undefined = Object.getOwnPropertyDescriptor(prototype, name);
  if (property?.get === undefined) throw new Error(`this runtime has no accessor '${name}' of buffers`);
  return property.get;
}

const sharedByteLength = accessor(SharedArrayBuffer.prototype, 'byteLength');
const sharedGrowable = accessor(SharedArrayBuffer.prototype, 'growable');
const arrayByteLength = accessor(ArrayBuffer.prototype, 'byteLength');

/** The answer of an accessor, or undefined when `value` isn't of the kind that it is for. */
function ask(question: Accessor, value: unknown): unknown {
  try {
    return apply(question, value, []);
  } catch {
    return undefined;
  }
}

const mappedFiles = new WeakSet<ArrayBuffer>();
const addMappedFile = mappedFiles.add.bind(mappedFiles);
const hasMappedFile = mappedFiles.has.bind(mappedFiles);

/** Remembers a buffer whose memory is a mapping of its own. */
export function rememberMappedFile(buffer: ArrayBuffer): ArrayBuffer {
  addMappedFile(buffer);
  return buffer;
}

function isGrowable(buffer: unknown): buffer is SharedArrayBuffer {
  return ask(sharedGrowable, buffer) === true;
}

function isMappedFile(buffer: unknown): buffer is ArrayBuffer {
  return hasMappedFile(buffer as ArrayBuffer);
}

/** A range of a growable SharedArrayBuffer, the only kind whose pages can be replaced. */
export function growableBytes(buffer: unknown, byteOffset: unknown, length: unknown): Uint8Array {
  if (!isGrowable(buffer)) {
    throw wrongType('buffer', 'a growable SharedArrayBuffer (one made with maxByteLength)', buffer);
  }
  return bytesOf(buffer, lengthOf(buffer), byteOffset, length);
}

/**
 * A range of a growable SharedArrayBuffer or of a buffer of mapFile, for calls that leave the mapping in place. They
 * work on pages: the range ends at the end of one, or of the buffer.
 */
export function mappedBytes(
  buffer: unknown,
  byteOffset: unknown,
  length: unknown,
  pageSize: number,
): Uint8Array {
  if (!isGrowable(buffer) && !isMappedFile(buffer)) {
    throw wrongType('buffer', 'a growable SharedArrayBuffer or a buffer of mapFile', buffer);
  }
  const byteLength = lengthOf(buffer);
  const bytes = bytesOf(buffer, byteLength, byteOffset, length);
  if (bytes.length % pageSize !== 0 && bytes.byteOffset + bytes.length !== byteLength) {
    throw outOfRange('length', `a multiple of ${pageSize}, or to reach the buffer's end`, length);
  }
  return bytes;
}

/** Bytes of a buffer that is still there when its thread ends: all of them, or a range. */
export function lastingBytes(buffer: unknown, byteOffset: unknown = 0, length?: unknown): Uint8Array {
  if (isMappedFile(buffer)) {
    throw wrongType('buffer', 'none of mapFile, whose mapping ends before the thread does', buffer);
  }
  const byteLength = ask(sharedByteLength, buffer) ?? ask(arrayByteLength, buffer);
  if (byteLength === undefined) throw wrongType('buffer', 'a SharedArrayBuffer or an ArrayBuffer', buffer);
  return bytesOf(buffer as ArrayBufferLike, byteLength as number, byteOffset, length ?? byteLength);
}

/** All bytes of an ArrayBuffer; undefined if it has none, or for what is no ArrayBuffer. */
export function arrayBufferBytes(buffer: unknown): Uint8Array | undefined {
  const byteLength = ask(arrayByteLength, buffer) as number | undefined;
  return byteLength ? new Bytes(buffer as ArrayBuffer, 0, byteLength) : undefined;
}

function lengthOf(buffer: ArrayBufferLike): number {
  return (ask(sharedByteLength, buffer) ?? ask(arrayByteLength, buffer)) as number;
}

function bytesOf(
  buffer: ArrayBufferLike,
  byteLength: number,
  byteOffset: unknown,
  length: unknown,
): Uint8Array {
  if (byteLength === 0) throw outOfRange('buffer', 'neither empty nor detached', buffer);
  const start = requireWhole(byteOffset, 'byteOffset', 0, byteLength - 1);
  return new Bytes(buffer, start, requireWhole(length, 'length', 1, byteLength - start));
}
