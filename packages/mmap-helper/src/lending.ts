/*
 * Parts of a memory as ArrayBuffers and SharedArrayBuffers of their own, and word of those that V8 has let go of.
 */
import { constants } from 'node:buffer';
import { addon } from './addon.js';
import { requireWhole } from './arguments.js';
import { arrayBufferBytes, growableBytes } from './buffer-bytes.js';
import { requireResult } from './mmap-error.js';

/** A memory that parts are lent of, in the thread that opened it. */
export interface Lending {
  /**
   * Numbers in the memory that say what is in this thread's hands: the offset of the part that it is about to lend, and
   * behind it those of parts that `takeReturned` has put there and that are not free yet. Zeros count for nothing. When the
   * thread ends, whatever ends it, the parts that stand there come back, and so does the desk.
   */
  readonly desk: Float64Array;
  /**
   * An ArrayBuffer over `length` bytes from `byteOffset` on; sets the desk's first number to 0. It can't be transferred to
   * another thread by Node's own means; one that `transfer()` made of it can, and must not be: a thread that ends gives back
   * all that it has lent.
   *
   * @throws TypeError, RangeError: arguments; MmapError: ENOMEM
   */
  lend(byteOffset: number, length: number): ArrayBuffer;
  /**
   * The same as a SharedArrayBuffer, which any thread may have: it comes back when all have dropped it.
   * @throws as `lend`; MmapError EOPNOTSUPP where `canLendShared()` is false
   */
  lendShared(byteOffset: number, length: number): SharedArrayBuffer;
  /** How many parts have come back, in any thread, and were not taken yet. */
  returnedCount(): number;
  /**
   * Puts the offsets of parts that have come back on the desk, from its second number on, each part once, and returns how
   * many there are. A SharedArrayBuffer comes back when the garbage collector has found it, an ArrayBuffer needs a turn of
   * the event loop of its thread after that.
   */
  takeReturned(): number;
}

/** True if this Node.js has what `lendShared` needs: not Node.js 20. */
export function canLendShared(): boolean {
  return addon().canLendShared();
}

/**
 * Has parts of a memory lent, a range of a growable SharedArrayBuffer. All threads that open the same range have one lending
 * together. The main thread must be the first, and keeps the buffer until the process ends.
 *
 * @param desk the part of the memory, from an offset in the range on, that is this thread's desk: a multiple of 8 bytes, at
 *   an address that is one
 * @throws TypeError, RangeError: arguments; MmapError: EPERM in a worker before the main thread; EBUSY: this thread has
 *   opened it; EINVAL: desk; EAGAIN: 1,024 are open
 */
export function openLending(
  buffer: SharedArrayBuffer,
  byteOffset: number,
  length: number,
  desk: { readonly byteOffset: number; readonly length: number },
): Lending {
  const native = addon();
  const memory = growableBytes(buffer, byteOffset, length);
  const deskStart = requireWhole(desk.byteOffset, 'desk.byteOffset', 0, length - 16);
  const deskLength = requireWhole(desk.length, 'desk.length', 16, length - deskStart);
  const deskBytes = memory.subarray(deskStart, deskStart + deskLength);
  const id = requireResult<number>(native.openLending(memory, deskBytes), {});
  const offset = (value: number): number => requireWhole(value, 'byteOffset', 0, length - 1);
  const size = (value: number, start: number): number =>
    requireWhole(value, 'length', 1, Math.min(length - start, constants.MAX_LENGTH));
  return {
    desk: new Float64Array(buffer, byteOffset + deskStart, deskLength / 8),
    lend(at, bytes) {
      const answer = native.lend(id, offset(at), size(bytes, at));
      return requireResult<ArrayBuffer>(answer, { range: { offset: at, length: bytes } });
    },
    lendShared(at, bytes) {
      const answer = native.lendShared(id, offset(at), size(bytes, at));
      return requireResult<SharedArrayBuffer>(answer, { range: { offset: at, length: bytes } });
    },
    returnedCount: () => native.returnedCount(id),
    takeReturned: () => native.takeReturned(id),
  };
}

/** Whether an ArrayBuffer lies in memory that parts are lent of, in whichever thread; false for one that is detached. */
export function isLent(buffer: ArrayBuffer): boolean {
  const bytes = arrayBufferBytes(buffer);
  return bytes !== undefined && addon().isLent(bytes);
}

/**
 * Has V8 collect all garbage of the calling thread, which takes milliseconds, more the more objects live. SharedArrayBuffers
 * that this finds have come back when it returns.
 */
export function collectGarbage(): void {
  addon().collectGarbage();
}

/** Leaves an ArrayBuffer without memory, as a transfer does. False if it can't be, or is none. */
export function detachBuffer(buffer: ArrayBuffer): boolean {
  return arrayBufferBytes(buffer) !== undefined && addon().detachBuffer(buffer);
}
