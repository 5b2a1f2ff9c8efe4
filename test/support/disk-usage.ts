// What a file system holds and has left. For tests and for the threads that they start.

import { statfsSync } from 'node:fs';

/** Bytes in use on the file system of `dir`. */
export function usedBytes(dir: string): number {
  const { blocks, bfree, bsize } = statfsSync(dir);
  return (blocks - bfree) * bsize;
}

/** Bytes that are left to anyone on the file system of `dir`. */
export function availableBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
