// What a caller's buffer or view really is, whatever it says of itself and whichever realm it is from: properties can
// be faked and prototypes exchanged, but what the accessors of the language say can't, if they are the original ones. So
// all that is used here was taken when this module was loaded.

import { VmemError } from '@vmem-ts/allocator';

/** An accessor as a function of what it is asked of. It throws for what it is not for. */
type Question = (value: unknown) => unknown;

const isView = ArrayBuffer.isView.bind(ArrayBuffer);

function question(prototype: object, name: string | symbol): Question {
  const property: { get?: Question } | undefined = Object.getOwnPropertyDescriptor(prototype, name);
  if (property?.get === undefined)
    throw new VmemError('ENOTSUP', `this runtime lacks ${String(name)} of buffers`);
  return Function.prototype.call.bind(property.get) as Question;
}

// constants of the module each, so that V8 can put them where they are called
const typedArrays = Object.getPrototypeOf(Uint8Array.prototype) as object;
const typedArrayName = question(typedArrays, Symbol.toStringTag);
const typedArrayBuffer = question(typedArrays, 'buffer');
const typedArrayOffset = question(typedArrays, 'byteOffset');
const typedArrayLength = question(typedArrays, 'byteLength');
const dataViewBuffer = question(DataView.prototype, 'buffer');
const dataViewOffset = question(DataView.prototype, 'byteOffset');
const dataViewLength = question(DataView.prototype, 'byteLength');
const sharedByteLength = question(SharedArrayBuffer.prototype, 'byteLength');
const arrayByteLength = question(ArrayBuffer.prototype, 'byteLength');

/** The answer of an accessor; undefined if `value` is not what it is for, or a DataView that fell out of its buffer. */
function ask(of: Question, value: unknown): unknown {
  try {
    return of(value);
  } catch {
    return undefined;
  }
}

/** Bytes of a SharedArrayBuffer; undefined for anything else. */
export const sharedLength = (value: unknown): number | undefined =>
  ask(sharedByteLength, value) as number | undefined;

export const isShared = (value: unknown): value is SharedArrayBuffer => sharedLength(value) !== undefined;

/** Bytes of a buffer, 0 if it is detached; undefined for what is none. */
export const bufferLength = (value: unknown): number | undefined =>
  sharedLength(value) ?? (ask(arrayByteLength, value) as number | undefined);

export interface ViewPlace {
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Where a view lies; undefined for what is none. */
export function placeOf(view: unknown): ViewPlace | undefined {
  if (!isView(view)) return undefined;
  if (typedArrayName(view) !== undefined) {
    return {
      buffer: typedArrayBuffer(view) as ViewPlace['buffer'],
      byteOffset: typedArrayOffset(view) as number,
      byteLength: typedArrayLength(view) as number,
    };
  }
  return {
    buffer: dataViewBuffer(view) as ViewPlace['buffer'],
    byteOffset: (ask(dataViewOffset, view) ?? 0) as number,
    byteLength: (ask(dataViewLength, view) ?? 0) as number,
  };
}

/** Where memory that a caller passes in lies: all of a buffer, or a view; undefined for what is neither. */
export function memoryOf(value: unknown): ViewPlace | undefined {
  const byteLength = bufferLength(value);
  if (byteLength === undefined) return placeOf(value);
  return { buffer: value as ViewPlace['buffer'], byteOffset: 0, byteLength };
}
