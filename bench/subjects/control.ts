// No allocator: malloc jumps to and fro in as much memory as the workload keeps in use, free does nothing. It is what a
// workload costs by itself: random numbers, slots, calls, and the caches' misses when blocks are written. Its malloc does
// not give back what was freed last, since the wait for that store would be an allocator's cost and not the loop's.
// Twin of native/control.h.

import type { Allocator, Block, Blocks, Subject } from './subject';

/** About the mean of 16..1023 B in steps of doublings, so that as much memory is touched as with an allocator. */
const BLOCK = 256;
/** An odd number of blocks, about the golden section of 2^32 bytes: no order that the processor could foresee. */
const STEP = BLOCK * 0x9e3779;
const BLOCKS_AT_LEAST = 1024;
/** For writes at the end of a large block. */
const MARGIN = 2 ** 20;

class Control implements Allocator, Blocks {
  readonly blocks = this;
  private readonly memory: Uint8Array;
  private readonly mask: number;
  private at = 0;
  last: Block = 0;

  constructor(slots: number) {
    const blocks = 2 ** Math.ceil(Math.log2(Math.max(slots, BLOCKS_AT_LEAST)));
    this.mask = blocks * BLOCK - 1;
    this.memory = new Uint8Array(blocks * BLOCK + MARGIN);
  }

  malloc(): Block {
    const at = (this.at + STEP) & this.mask;
    this.at = at;
    return at + BLOCK;
  }

  free(block: Block): void {
    this.last = block;
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
  title: '(no allocator, Node)',
  hasPool: false,
  open: ({ slots }) => Promise.resolve(new Control(slots)),
};
