// What a caller's buffer or view really is, whatever it says of itself and whichever realm it is from: properties can
// be faked and prototypes exchanged, but what the accessors of the language say can't, if they are the original ones. So
// all that is used here was taken when this module was loaded.

import { accessor, answer, bufferLength, sharedLength } from '@vmem-ts/allocator';

export { bufferLength, sharedLength };

const isView = ArrayBuffer.isView.bind(ArrayBuffer);

// constants of the module each, so that V8 can put them where they are called
const typedArrays = Object.getPrototypeOf(Uint8Array.prototype) as object;
const typedArrayName = accessor(typedArrays, Symbol.toStringTag);
const typedArrayBuffer = accessor<ViewPlace['buffer']>(typedArrays, 'buffer');
const typedArrayOffset = accessor<number>(typedArrays, 'byteOffset');
const typedArrayLength = accessor<number>(typedArrays, 'byteLength');
const dataViewBuffer = accessor<ViewPlace['buffer']>(DataView.prototype, 'buffer');
const dataViewOffset = accessor<number>(DataView.prototype, 'byteOffset');
const dataViewLength = accessor<number>(DataView.prototype, 'byteLength');

export const isShared = (value: unknown): value is SharedArrayBuffer => sharedLength(value) !== undefined;

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
      buffer: typedArrayBuffer(view),
      byteOffset: typedArrayOffset(view),
      byteLength: typedArrayLength(view),
    };
  }
  return {
    buffer: dataViewBuffer(view),
    byteOffset: answer(dataViewOffset, view) ?? 0, // a DataView that fell out of its buffer has none
    byteLength: answer(dataViewLength, view) ?? 0,
  };
}

/** Where memory that a caller passes in lies: all of a buffer, or a view; undefined for what is neither. */
export function memoryOf(value: unknown): ViewPlace | undefined {
  const byteLength = bufferLength(value);
  if (byteLength === undefined) return placeOf(value);
  return { buffer: value as ViewPlace['buffer'], byteOffset: 0, byteLength };
}
