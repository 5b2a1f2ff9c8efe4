// The npm package `malloc` of codemix: a skip list of free blocks inside one ArrayBuffer, for one thread.

import { createRequire } from 'node:module';
import type { Allocator, Block, Blocks, Subject } from './subject';

interface CodemixHeap {
  alloc(size: number): number;
  free(address: number): number;
}
type CodemixConstructor = new (memory: ArrayBuffer) => CodemixHeap;

/** It refuses smaller requests. */
const SMALLEST = 16;

class CodemixAllocator implements Allocator, Blocks {
  readonly blocks = this;
  private readonly memory: Uint8Array;

  constructor(
    private readonly heap: CodemixHeap,
    buffer: ArrayBuffer,
  ) {
    this.memory = new Uint8Array(buffer);
  }

  malloc(size: number): Block {
    return this.heap.alloc(size < SMALLEST ? SMALLEST : size);
  }

  free(block: Block): void {
    this.heap.free(block as number);
  }

  write(block: Block, at: number): void {
    this.memory[(block as number) + at] = at;
  }

  bytes(block: Block, size: number): Uint8Array {
    return this.memory.subarray(block as number, (block as number) + size);
  }

  close(): void {
    // The collector takes it.
  }
}

export const codemixMalloc: Subject = {
  id: 'codemix',
  title: 'malloc (codemix)',
  package: 'malloc',
  hasPool: true,
  open({ poolBytes }) {
    const Heap = createRequire(__filename)('malloc') as CodemixConstructor;
    const buffer = new ArrayBuffer(poolBytes);
    return Promise.resolve(new CodemixAllocator(new Heap(buffer), buffer));
  },
};
