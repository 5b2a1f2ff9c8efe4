// No allocator: hands out the block that was freed last, whatever its size. What a workload costs beside its allocator.

import type { Allocator, Block, Subject } from './subject';

/** Distance of new blocks: about the mean of 16..1023 B, so that as much memory is touched as with an allocator. */
const STRIDE = 256;

class Control implements Allocator {
  private readonly memory: Uint8Array;
  private readonly freed: Int32Array;
  private count = 0;
  private top = 0;

  constructor(bytes: number) {
    this.memory = new Uint8Array(bytes);
    this.freed = new Int32Array(bytes / STRIDE);
  }

  malloc(): Block {
    if (this.count > 0) return this.freed[--this.count] ?? 0;
    this.top += STRIDE;
    return this.top < this.memory.length ? this.top : 0;
  }

  free(block: Block): void {
    this.freed[this.count++] = block as number;
  }

  write(block: Block, at: number): void {
    this.memory[(block as number) + at] = at;
  }

  bytes(): Uint8Array {
    throw new Error('the control has no blocks of its own');
  }

  close(): void {
    // The collector takes it.
  }
}

export const control: Subject = {
  id: 'control',
  title: '(no allocator)',
  hasPool: false,
  open: ({ poolBytes }) => Promise.resolve(new Control(poolBytes)),
};
