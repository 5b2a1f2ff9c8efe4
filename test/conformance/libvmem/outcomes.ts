// What a call of libvmem comes to.

import { getSystemErrorName } from 'node:util';
import { errno, setErrno, type VMEM } from '@vmem-ts/vmem-api/libvmem';

/** The name of errno; empty for 0. */
export const errorName = (): string => (errno() === 0 ? '' : getSystemErrorName(-errno()));

/** What a call returns, and the errno that it sets. */
export function outcome<T>(call: () => T): [T, string] {
  setErrno(0);
  const result = call();
  return [result, errorName()];
}

/** The bytes of a block. */
export const bytesAt = (vmp: VMEM, ptr: number, length: number): Uint8Array =>
  new Uint8Array(vmp.buffer, vmp.byteOffset + ptr, length);

export const wordsAt = (vmp: VMEM, ptr: number, length: number): Int32Array =>
  new Int32Array(vmp.buffer, vmp.byteOffset + ptr, length);
