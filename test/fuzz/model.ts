// Two pools, each with two attachments, and what must be true of them after every call.

import { strict as assert } from 'node:assert';
import type { LiveBlock, PointerArray } from '@vmem-ts/vmem-api';

/** What pools and heaps have in common, as far as the model itself needs it. */
export interface Attachment {
  malloc(size: number): number;
  free(ptr: number): void;
  freeMany(ptrs: PointerArray): void;
  blocks(): IterableIterator<LiveBlock>;
  checkReport(): { problems: readonly unknown[] };
  stats(): { liveBlocks: number };
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly byteOffset: number;
  readonly handle: object;
}

interface Block {
  readonly usable: number;
  readonly pattern: number;
}

/** The last pointers that were freed. */
const REMEMBERED = 50;

export class PoolModel {
  readonly blocks = new Map<number, Block>();
  readonly freed: number[] = [];
  readonly isOpen: boolean[];
  isDeleted = false;
  other!: PoolModel;
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly byteOffset: number;
  readonly handle: object;
  private readonly bytes: Uint8Array;
  private patterns = 0;

  constructor(
    readonly attachments: readonly Attachment[],
    readonly size: number,
  ) {
    const [{ buffer, byteOffset, handle }] = attachments;
    this.isOpen = attachments.map(() => true);
    this.buffer = buffer;
    this.byteOffset = byteOffset;
    this.handle = handle;
    this.bytes = new Uint8Array(buffer, byteOffset, size);
  }

  /** Pointers to live blocks, in the order in which they were had. */
  get live(): number[] {
    return [...this.blocks.keys()];
  }

  /** An attachment that can be used. */
  get user(): Attachment | undefined {
    return this.isDeleted ? undefined : this.attachments.find((_, i) => this.isOpen[i]);
  }

  readonly usable = (ptr: number): number | undefined => this.blocks.get(ptr)?.usable;

  has(ptr: unknown): ptr is number {
    return typeof ptr === 'number' && this.blocks.has(ptr);
  }

  get liveBytes(): number {
    let bytes = 0;
    for (const { usable } of this.blocks.values()) bytes += usable;
    return bytes;
  }

  /** A block that the pool has given; the whole of it is written to. */
  add(ptr: number, usable: number): void {
    assert(ptr % 8 === 0 && ptr > 0 && ptr + usable <= this.size, `block of ${usable} bytes at ${ptr}`);
    for (const [start, block] of this.blocks)
      assert(ptr >= start + block.usable || ptr + usable <= start, `block ${ptr} overlaps ${start}`);
    const pattern = (this.patterns = (this.patterns + 41) & 0xff);
    this.bytes.fill(pattern, ptr, ptr + usable);
    this.blocks.set(ptr, { usable, pattern });
  }

  remove(ptr: number): void {
    assert(this.blocks.delete(ptr), `block ${ptr} was not live`);
    if (this.freed.push(ptr) > REMEMBERED) this.freed.shift();
  }

  /** A block at another place or of another size, whose first `kept` bytes must be as they were. */
  replace(ptr: number, moved: number, usable: number, kept: number): void {
    const { pattern } = this.blocks.get(ptr)!;
    this.requirePattern(moved, kept, pattern);
    this.blocks.delete(ptr);
    if (ptr !== moved) this.freed.push(ptr);
    this.add(moved, usable);
  }

  isZero(ptr: number, length: number): boolean {
    return this.bytes.subarray(ptr, ptr + length).every((byte) => byte === 0);
  }

  /** `length` bytes from `ptr` on, as text. */
  read(ptr: number, length: number): Buffer {
    return Buffer.from(this.bytes.subarray(ptr, ptr + length));
  }

  /** The block that the byte at `ptr` belongs to. */
  around(ptr: unknown): LiveBlock | undefined {
    if (typeof ptr !== 'number' || !Number.isInteger(ptr)) return undefined;
    for (const [start, { usable }] of this.blocks)
      if (ptr >= start && ptr < start + usable) return { ptr: start, size: usable };
    return undefined;
  }

  /** The pool's own account of what is live, by address. */
  walk(): Map<number, number> {
    return new Map([...this.user!.blocks()].map(({ ptr, size }) => [ptr, size]));
  }

  /** Blocks and their contents are what they were, and the pool finds nothing wrong with itself. */
  verify(): void {
    const { user } = this;
    if (user === undefined) return;
    assert.deepEqual(user.checkReport().problems, []);
    const mine = [...this.blocks].map(([ptr, { usable }]) => [ptr, usable] as const);
    assert.deepEqual(
      [...this.walk()],
      mine.sort(([a], [b]) => a - b),
    );
    for (const [ptr, { usable, pattern }] of this.blocks) this.requirePattern(ptr, usable, pattern);
  }

  /** Nothing is left when all is freed. */
  finish(): void {
    this.verify();
    const { user } = this;
    if (user === undefined) return;
    user.freeMany(this.live);
    this.blocks.clear();
    this.verify();
    assert.equal(user.stats().liveBlocks, 0);
  }

  /** After a call that wrote to a block of the caller's: that is what is in it. */
  rewrite(ptr: number): void {
    const block = this.blocks.get(ptr);
    if (block !== undefined) this.bytes.fill(block.pattern, ptr, ptr + block.usable);
  }

  private requirePattern(ptr: number, length: number, pattern: number): void {
    const isSame = Buffer.alloc(length, pattern).compare(this.bytes, ptr, ptr + length) === 0;
    assert(isSame, `block ${ptr}: contents changed`);
  }
}

export interface World {
  readonly pools: readonly [PoolModel, PoolModel];
}
