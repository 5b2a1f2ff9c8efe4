// What a caller's buffer or view really is, whatever it says of itself and whichever realm it is from: properties can
// be faked and prototypes exchanged, but what the accessors of the language say can't, if they are the original ones. So
// all that is used here was taken when this module was loaded.

import { VmemError } from '@vmem-ts/allocator';

type Accessor = (this: unknown) => unknown;
const apply = Reflect.apply.bind(Reflect);
const isView = ArrayBuffer.isView.bind(ArrayBuffer);

function accessor(prototype: object, name: string | symbol): Accessor {
  const property: { get?: Accessor } | undefined = Object.getOwnPropertyDescriptor(prototype, name);
  if (property?.get === undefined)
    throw new VmemError('ENOTSUP', `this runtime lacks ${String(name)} of buffers`);
  return property.get;
}

const accessorsOf = (prototype: object): Record<keyof ViewPlace, Accessor> => ({
  buffer: accessor(prototype, 'buffer'),
  byteOffset: accessor(prototype, 'byteOffset'),
  byteLength: accessor(prototype, 'byteLength'),
});

const typedArrays = Object.getPrototypeOf(Uint8Array.prototype) as object;
const ofTypedArrays = accessorsOf(typedArrays);
const ofDataViews = accessorsOf(DataView.prototype);
const typedArrayName = accessor(typedArrays, Symbol.toStringTag);
const ofShared = accessor(SharedArrayBuffer.prototype, 'byteLength');
const ofUnshared = accessor(ArrayBuffer.prototype, 'byteLength');

/** The answer of an accessor; undefined if `value` is not what it is for, or a DataView that fell out of its buffer. */
function ask(question: Accessor, value: unknown): unknown {
  try {
    return apply(question, value, []);
  } catch {
    return undefined;
  }
}

/** Bytes of a SharedArrayBuffer; undefined for anything else. */
export const sharedLength = (value: unknown): number | undefined =>
  ask(ofShared, value) as number | undefined;

export const isShared = (value: unknown): value is SharedArrayBuffer => sharedLength(value) !== undefined;

/** Bytes of a buffer, 0 if it is detached; undefined for what is none. */
export const bufferLength = (value: unknown): number | undefined =>
  sharedLength(value) ?? (ask(ofUnshared, value) as number | undefined);

export interface ViewPlace {
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Where a view lies; undefined for what is none. */
export function placeOf(view: unknown): ViewPlace | undefined {
  if (!isView(view)) return undefined;
  const accessors = apply(typedArrayName, view, []) === undefined ? ofDataViews : ofTypedArrays;
  return {
    buffer: apply(accessors.buffer, view, []) as ViewPlace['buffer'],
    byteOffset: (ask(accessors.byteOffset, view) ?? 0) as number,
    byteLength: (ask(accessors.byteLength, view) ?? 0) as number,
  };
}
