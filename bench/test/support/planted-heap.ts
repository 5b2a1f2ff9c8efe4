// A small allocator for tests of the bench, sound or with a fault planted in it.

import type { Allocator, Block, Blocks, ManyBlocks } from '../../subjects/subject';

export type Fault = 'none' | 'twice' | 'too short' | 'scribbles';

/** The fault shows now and then, as faults do. */
const EVERY = 50;
const LARGEST_CLASS = 30;

export class PlantedHeap implements Allocator, Blocks {
  readonly blocks = this;
  live = 0;
  readonly many: ManyBlocks = {
    malloc: (size, out) => {
      for (let i = 0; i < out.length; i++) out[i] = this.malloc(size) as number;
      return out.length;
    },
    free: (blocks) => {
      for (const block of blocks) this.free(block);
    },
  };
  private readonly memory: Uint8Array;
  private readonly freed = new Map<number, number[]>();
  private readonly classOf = new Map<number, number>();
  private top = 16;
  private calls = 0;
  private last = 0;

  constructor(
    bytes: number,
    private readonly fault: Fault,
  ) {
    this.memory = new Uint8Array(bytes);
  }

  malloc(size: number): Block {
    const now = ++this.calls % EVERY === 0;
    if (now && this.fault === 'twice' && this.classOf.has(this.last)) return this.last;
    const bits = Math.ceil(Math.log2(Math.max(size, 16)));
    const block = this.freed.get(bits)?.pop() ?? this.bump(bits, now && this.fault === 'too short');
    if (block === 0) return 0;
    this.classOf.set(block, bits);
    this.live++;
    this.last = block;
    return block;
  }

  free(block: Block): void {
    const at = block as number;
    const bits = this.classOf.get(at);
    if (bits === undefined) throw new Error(`${at} is no live block`);
    this.classOf.delete(at);
    this.live--;
    const list = this.freed.get(bits) ?? [];
    list.push(at);
    this.freed.set(bits, list);
    if (this.fault === 'scribbles') {
      // Behind the header of a block that may be in use.
      if (this.classOf.has(this.last)) this.memory[this.last + 12] ^= 0xff;
    }
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

  private bump(bits: number, tooShort: boolean): number {
    if (bits > LARGEST_CLASS) return 0;
    const block = this.top;
    const length = 2 ** bits;
    if (block + length > this.memory.length) return 0;
    this.top += tooShort ? 8 : length;
    return block;
  }
}
