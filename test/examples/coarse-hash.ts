// Hashes that collide.

import { hashBytes, type HashFunction } from '@vmem-ts/examples/word-count/shared-count-table';

/** The real hash with all bits cleared but the lowest ones; from 32 bits on, the real hash. */
export function coarseHash(bits: number): HashFunction {
  if (bits >= 32) return hashBytes;
  const mask = 2 ** bits - 1;
  return (bytes, start, end) => hashBytes(bytes, start, end) & mask;
}
