// An allocator whose blocks' contents are verified: a header with size and number, the rest filled with a pattern that
// follows from the number. A block that overlaps another, or is handed out twice, is found when it is freed, by whatever
// thread. Twin of native/blocks-verified.h.

import type { Allocator, Block, Blocks, ManyBlocks } from '../subjects/subject';

const HEADER = 8;
const SMALLEST = 16;
const FILLED_AT_MOST = 4096;
const DEAD = 0xdeadbeef;
/** Numbers of one thread begin here times its index. */
const NUMBERS_A_THREAD = 2 ** 24;

export class VerifiedAllocator implements Allocator, Blocks {
  readonly blocks = this;
  readonly many?: ManyBlocks;
  private number: number;

  constructor(
    private readonly heap: Allocator,
    thread: number,
  ) {
    this.number = thread * NUMBERS_A_THREAD;
    if (heap.many !== undefined) this.many = this.verifying(heap.many);
  }

  malloc(size: number): Block {
    const length = Math.max(size, SMALLEST);
    const block = this.heap.blocks.malloc(length);
    if (block !== 0) this.fill(block, length);
    return block;
  }

  free(block: Block): void {
    this.verify(block);
    this.heap.blocks.free(block);
  }

  write(block: Block, at: number): void {
    const bytes = this.heap.bytes(block, at + 1);
    bytes[at] = bytes[at]!;
  }

  bytes(block: Block, size: number): Uint8Array {
    return this.heap.bytes(block, size);
  }

  close(): void {
    this.heap.close();
  }

  private verifying(many: ManyBlocks): ManyBlocks {
    return {
      malloc: (size, out) => {
        const length = Math.max(size, SMALLEST);
        const count = many.malloc(length, out);
        for (let i = 0; i < count; i++) this.fill(out[i], length);
        return count;
      },
      free: (blocks) => {
        for (const block of blocks) this.verify(block);
        many.free(blocks);
      },
    };
  }

  private fill(block: Block, length: number): void {
    const bytes = this.heap.bytes(block, length);
    if (bytes.length !== length) throw new Error(`a block of ${length} bytes has ${bytes.length}`);
    const number = this.number++;
    const header = viewOf(bytes);
    header.setUint32(0, length);
    header.setUint32(4, number);
    fill(bytes, number);
  }

  /** Also marks it, so that a second free is found. */
  private verify(block: Block): void {
    const header = viewOf(this.heap.bytes(block, HEADER));
    const length = header.getUint32(0);
    const number = header.getUint32(4);
    if (number === DEAD || length < SMALLEST) {
      throw new Error('a block was handed out twice or overwritten');
    }
    const changed = findChange(this.heap.bytes(block, length), number);
    if (changed !== undefined) throw new Error(`byte ${changed} of a block of ${length} changed`);
    header.setUint32(4, DEAD);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function patternAt(number: number, at: number): number {
  return (number * 31 + at * 7) & 255;
}

/** Behind the header, and the last byte. */
function fill(bytes: Uint8Array, number: number): void {
  const filled = Math.min(bytes.length, FILLED_AT_MOST);
  const last = bytes.length - 1;
  for (let at = HEADER; at < filled; at++) bytes[at] = patternAt(number, at);
  bytes[last] = patternAt(number, last);
}

function findChange(bytes: Uint8Array, number: number): number | undefined {
  const filled = Math.min(bytes.length, FILLED_AT_MOST);
  const last = bytes.length - 1;
  for (let at = HEADER; at < filled; at++) if (bytes[at] !== patternAt(number, at)) return at;
  return bytes[last] === patternAt(number, last) ? undefined : last;
}
