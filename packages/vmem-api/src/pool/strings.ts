// Strings as C has them, in blocks of the pool.

import { VmemError, describe } from '@vmem-ts/allocator';

/** Bytes of `text` in UTF-8, with the NUL that ends it; lone surrogates become U+FFFD. */
export function cString(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.byteLength(text) + 1); // V8's longest string can't be one longer
  new TextEncoder().encodeInto(text, bytes);
  return bytes;
}

/** `text` as `wchar_t` of 32 bits, one a code point, with the zero that ends it: what C on Linux means by it. */
export function wideString(text: string): Uint8Array {
  let length = 0;
  for (let at = 0; at < text.length; at += unitsAt(text, at)) length++;
  const points = new Uint32Array(length + 1);
  for (let at = 0, index = 0; at < text.length; at += unitsAt(text, at))
    points[index++] = text.codePointAt(at)!;
  return new Uint8Array(points.buffer);
}

/** UTF-16 units of the code point at `index`. */
const unitsAt = (text: string, index: number): number => (text.codePointAt(index)! > 0xffff ? 2 : 1);

/** @throws VmemError EINVAL */
export function requireText(name: string, text: unknown): string {
  if (typeof text === 'string') return text;
  throw new VmemError('EINVAL', `${name}: expected a string, got ${describe(text)}`);
}
