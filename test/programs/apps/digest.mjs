// What the programs have in common: contents that are the same in each run, and a line of output.

import { createHash } from 'node:crypto';

/** How much work is asked for; 1 takes a moment. */
export const scale = Number(process.argv[2] ?? 1);

/** `length` bytes that a codec finds something to do with. */
export function contents(length, seed = 1) {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = (state >>> 24) & (i & 4096 ? 0x0f : 0xff);
  }
  return bytes;
}

export const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');

export function show(title, bytes) {
  console.log(`${title}: ${bytes.length} bytes, ${digest(bytes)}`);
}
