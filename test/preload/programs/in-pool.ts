// Whether a buffer is in the process's pool, and what lives there.

import { setImmediate } from 'node:timers/promises';
import { collectGarbage, isLent } from '@vmem-ts/mmap-helper';
import { pool } from '@vmem-ts/vmem-api/vmmalloc';

/** Of a view, or of a buffer. SharedArrayBuffers can't be told. */
export function isInPool(found: ArrayBufferView | ArrayBuffer): boolean {
  return isLent((ArrayBuffer.isView(found) ? found.buffer : found) as ArrayBuffer);
}

export const liveBlocks = (): number => pool().stats().liveBlocks;

/** Collects garbage until no more than `blocks` live in the pool, at most 50 times. Returns how many do. */
export async function collectUntil(blocks: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    await setImmediate();
    collectGarbage();
    await setImmediate();
    // takes back what was found
    new Uint8Array(2 ** 16).fill(1);
    if (liveBlocks() <= blocks) break;
  }
  return liveBlocks();
}
