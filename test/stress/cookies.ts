// What is written into a block, from its first word to its last, and looked for when it is freed. It follows from the
// block's place, its size and a mark, so that what one thread wrote is no cookie of another one's block.

import type { Vmem } from '@vmem-ts/vmem-api';

/** Every block has room for its size and one word of cookie. */
export const LEAST_SIZE = 8;
/** Words at the start of a block that are all written; behind them one a page, and the last ones. */
const DENSE = 48;
const STRIDE = 1024;
const END = 8;

export class Cookies {
  readonly words: Int32Array;
  private readonly limit: number;

  constructor(pool: Vmem) {
    this.limit = pool.size;
    this.words = new Int32Array(pool.buffer, pool.byteOffset, pool.size >>> 2);
  }

  write(ptr: number, size: number, mark: number): void {
    const { words } = this;
    const first = ptr >>> 2;
    const end = size >>> 2;
    const cookie = cookieOf(ptr, size, mark);
    words[first] = size;
    for (let i = 1; i < end; i = next(i, end)) words[first + i] = cookie + i;
  }

  /** The size that was written into the block, -1 if what is there is damaged. */
  sizeAt(ptr: number, mark: number): number {
    const size = this.words[ptr >>> 2];
    if (size < LEAST_SIZE || size > this.limit - ptr) return -1;
    return this.isWhole(ptr, cookieOf(ptr, size, mark), size, size) ? size : -1;
  }

  /** Whether the first `kept` bytes of what was written at `from` with `size` bytes are at `ptr` now. */
  isMoved(ptr: number, from: number, size: number, mark: number, kept: number): boolean {
    if (this.words[ptr >>> 2] !== size) return false;
    return this.isWhole(ptr, cookieOf(from, size, mark), size, kept);
  }

  /** No cookie any more: whoever takes the block for his own will see it. */
  deface(ptr: number): void {
    this.words[ptr >>> 2] = 0;
    this.words[(ptr >>> 2) + 1] ^= -1;
  }

  private isWhole(ptr: number, cookie: number, size: number, kept: number): boolean {
    const { words } = this;
    const first = ptr >>> 2;
    const end = size >>> 2;
    const until = kept >>> 2;
    for (let i = 1; i < until; i = next(i, end)) {
      if (words[first + i] !== ((cookie + i) | 0)) return false;
    }
    return true;
  }
}

function next(i: number, end: number): number {
  if (i < DENSE || i >= end - END) return i + 1;
  return Math.min(i + STRIDE, end - END);
}

function cookieOf(ptr: number, size: number, mark: number): number {
  const mixed = Math.imul(ptr ^ Math.imul(size, 0x9e3779b1) ^ (mark << 24), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
