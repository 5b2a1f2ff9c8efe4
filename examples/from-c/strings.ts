// C strings in a pool: bytes of UTF-8 up to a NUL.

import { fail } from './program';

/** Writes `text` and a NUL to the block that `bytes` is a view on. strcpy(3), but it does not write beyond the end. */
export function strcpy(bytes: Uint8Array, text: string): void {
  const encoded = new TextEncoder().encode(`${text}\0`);
  if (encoded.length > bytes.length) fail(`no room for ${encoded.length} bytes in ${bytes.length}`);
  bytes.set(encoded);
}

/** The string that the block begins with. */
export function stringIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
}
