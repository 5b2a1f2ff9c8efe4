// @thi.ng/malloc: a free list in one ArrayBuffer, sorted by address, for one thread.

import type { MemPool } from '@thi.ng/malloc' with { 'resolution-mode': 'import' };
import type { Allocator, Block, Blocks, Subject } from './subject';

class ThingAllocator implements Allocator, Blocks {
  readonly blocks = this;
  private readonly memory: Uint8Array;

  constructor(private readonly pool: MemPool) {
    this.memory = new Uint8Array(pool.buf);
  }

  malloc(size: number): Block {
    return this.pool.malloc(size);
  }

  free(block: Block): void {
    if (!this.pool.free(block)) throw new Error(`free refused ${block as number}`);
  }

  write(block: Block, at: number): void {
    this.memory[(block as number) + at] = at;
  }

  bytes(block: Block, size: number): Uint8Array {
    return this.memory.subarray(block as number, (block as number) + size);
  }

  close(): void {
    this.pool.release();
  }
}

export const thingMalloc: Subject = {
  id: 'thi.ng',
  title: '@thi.ng/malloc',
  package: '@thi.ng/malloc',
  hasPool: true,
  async open({ poolBytes }) {
    const library = await import('@thi.ng/malloc');
    return new ThingAllocator(new library.MemPool({ size: poolBytes }));
  },
};
