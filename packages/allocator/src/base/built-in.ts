// Constructors of memory as they were when this was loaded. A program may exchange the global ones for others that take
// blocks of this very heap, and no call may begin another one. Nothing else in this package constructs new memory; views on a
// heap's own are no matter.

export const PlainBuffer = ArrayBuffer;
export const PlainShared = SharedArrayBuffer;
export const PlainBytes = Uint8Array;
export const PlainWords = Int32Array;
export const PlainDoubles = Float64Array;
