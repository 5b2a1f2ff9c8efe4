// The C library's malloc and free, called through Node-API by the foreign function interface koffi: no published
// addon offers the two functions by themselves. Most of the cost is the calls.

import type * as Koffi from 'koffi' with { 'resolution-mode': 'import' };
import type { Allocator, Block, Blocks, Subject } from './subject';

class NativeAllocator implements Allocator, Blocks {
  readonly blocks = this;
  readonly malloc: (size: number) => Block;
  readonly free: (block: Block) => void;

  constructor(private readonly koffi: typeof Koffi) {
    const library = koffi.load('libc.so.6');
    this.malloc = library.func('intptr_t malloc(size_t)') as (size: number) => number;
    this.free = library.func('void free(intptr_t)') as (block: Block) => void;
  }

  /** JavaScript can't write there without another call; the timed loop leaves it out. */
  write(): void {
    // nothing
  }

  bytes(block: Block, size: number): Uint8Array {
    return new Uint8Array(this.koffi.view(BigInt(block as number), size));
  }

  close(): void {
    // nothing
  }
}

export const nativeMalloc: Subject = {
  id: 'koffi',
  title: "C's malloc through koffi",
  package: 'koffi',
  hasPool: false,
  async open() {
    const koffi = await import('koffi');
    return new NativeAllocator(koffi);
  },
};
