// What is in a pool, so that it can be compared across processes.

import { createHash } from 'node:crypto';
import type { Vmem } from '@vmem-ts/vmem-api';

/** Tells pools with other blocks, or other contents of blocks, apart. */
export function digestOf(pool: Vmem): string {
  const hash = createHash('sha1');
  for (const { ptr, size } of pool.blocks()) {
    hash.update(`${ptr} ${size} `);
    hash.update(new Uint8Array(pool.buffer, pool.byteOffset + ptr, size).slice());
  }
  return hash.digest('hex');
}

const HEADER = 2;
const FACTOR = 0x9e3779b1;
const { imul } = Math; // in a test, a global is dear

/**
 * Fills `count` new blocks with what tells them apart, and writes them down in a block of their own, whose pointer is returned.
 */
export function writeTable(pool: Vmem, count: number, sizeOf: (index: number) => number): number {
  const ptr = pool.malloc((HEADER + 2 * count) * 8);
  if (ptr === 0) throw new Error('no room for the table');
  const table = pool.view(Float64Array, ptr, HEADER + 2 * count);
  table[0] = count;
  for (let i = 0; i < count; i++) {
    const size = sizeOf(i);
    const block = pool.malloc(size);
    if (block === 0) throw new Error('no room for the blocks of the table');
    table[HEADER + 2 * i] = block;
    table[HEADER + 2 * i + 1] = size;
    fill(pool, block, size);
  }
  return ptr;
}

export const blocksOfTable = (pool: Vmem, ptr: number): { ptr: number; size: number }[] => {
  const [count = 0] = pool.view(Float64Array, ptr, 1);
  const table = pool.view(Float64Array, ptr, HEADER + 2 * count);
  return Array.from({ length: count }, (_, i) => ({
    ptr: table[HEADER + 2 * i],
    size: table[HEADER + 2 * i + 1],
  }));
};

/** What is wrong with the blocks of a table. */
export function problemsOf(pool: Vmem, table: number): string[] {
  const problems: string[] = [];
  for (const { ptr, size } of blocksOfTable(pool, table)) {
    if (!pool.contains(ptr)) problems.push(`no block at ${ptr}`);
    else if (!isFilled(pool, ptr, size)) problems.push(`the block at ${ptr} has other contents`);
  }
  return problems;
}

function words(pool: Vmem, ptr: number, size: number): Int32Array {
  return new Int32Array(pool.buffer, pool.byteOffset + ptr, size >> 2);
}

export function fill(pool: Vmem, ptr: number, size: number): void {
  const all = words(pool, ptr, size);
  for (let i = 0; i < all.length; i++) all[i] = imul(ptr + i, FACTOR);
}

export function isFilled(pool: Vmem, ptr: number, size: number): boolean {
  const all = words(pool, ptr, size);
  for (let i = 0; i < all.length; i++) if (all[i] !== imul(ptr + i, FACTOR)) return false;
  return true;
}
