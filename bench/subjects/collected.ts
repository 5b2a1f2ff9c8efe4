// What Node itself offers: memory that the garbage collector takes back. To free a block is to drop it.

import type { Allocator, Block, Blocks, Subject } from './subject';

abstract class CollectedAllocator implements Allocator, Blocks {
  readonly blocks = this;
  /** Keeps V8 from seeing that nobody needs the block. */
  last: Block = 0;

  abstract malloc(size: number): Block;

  free(block: Block): void {
    this.last = block;
  }

  write(block: Block, at: number): void {
    (block as Uint8Array)[at] = at;
  }

  bytes(block: Block, size: number): Uint8Array {
    return (block as Uint8Array).subarray(0, size);
  }

  close(): void {
    this.last = 0;
  }
}

class UnsafeBuffers extends CollectedAllocator {
  malloc(size: number): Block {
    return Buffer.allocUnsafe(size);
  }
}

class TypedArrays extends CollectedAllocator {
  malloc(size: number): Block {
    return new Uint8Array(size);
  }
}

class SharedBuffers extends CollectedAllocator {
  malloc(size: number): Block {
    return new Uint8Array(new SharedArrayBuffer(size));
  }
}

function collected(id: string, title: string, Type: new () => Allocator): Subject {
  return { id, title, hasPool: false, collected: true, open: () => Promise.resolve(new Type()) };
}

export const unsafeBuffers = collected('allocUnsafe', 'Buffer.allocUnsafe', UnsafeBuffers);
export const typedArrays = collected('Uint8Array', 'new Uint8Array', TypedArrays);
export const sharedBuffers = collected('SharedArrayBuffer', 'new SharedArrayBuffer + view', SharedBuffers);
