// Strings as C has them, in blocks of the pool.

/** Bytes of `text` in UTF-8, with the NUL that ends it; lone surrogates become U+FFFD. */
export const cString = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** `text` as `wchar_t` of 32 bits, one a code point, with the zero that ends it: what C on Linux means by it. */
export function wideString(text: string): Uint8Array {
  const points = Uint32Array.from(Array.from(text), (character) => character.codePointAt(0)!);
  const units = new Uint32Array(points.length + 1);
  units.set(points);
  return new Uint8Array(units.buffer);
}
