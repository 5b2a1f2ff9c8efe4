// A heap that is watched: every operation is done on a `Heap` and on a model of it, and the two are compared.
// Each block carries a pattern; a block that overlaps another, moves without its contents or is written by
// somebody else is noticed at the next look at it.

import { strict as assert } from 'node:assert';
import { VmemError, type Heap, type PointerArray } from '@vmem-ts/allocator';

interface Block {
  /** Place in the list of live pointers. */
  index: number;
  readonly size: number;
  readonly usable: number;
  readonly pattern: number;
}

const GRANULE = 8;

/** Fills the block with words that tell which block and which place in it they are. */
export function writePattern(memory: Uint8Array, ptr: number, size: number, pattern: number): void {
  const words = new Int32Array(memory.buffer, memory.byteOffset + ptr, size >> 2);
  for (let i = 0; i < words.length; i++) words[i] = pattern + i;
  for (let i = size & ~3; i < size; i++) memory[ptr + i] = pattern + i;
}

/** True if the first `size` bytes are those of a block of `written` bytes with `pattern`. */
export function holdsPattern(
  memory: Uint8Array,
  ptr: number,
  size: number,
  pattern: number,
  written = size,
): boolean {
  const words = new Int32Array(memory.buffer, memory.byteOffset + ptr, size >> 2);
  const whole = Math.min(words.length, written >> 2);
  for (let i = 0; i < whole; i++) if (words[i] !== ((pattern + i) | 0)) return false;
  for (let i = whole * 4; i < size; i++) {
    const byte = i < (written & ~3) ? (pattern + (i >> 2)) >> ((i & 3) * 8) : pattern + i;
    if (memory[ptr + i] !== (byte & 255)) return false;
  }
  return true;
}

export class ModelHeap {
  readonly memory: Uint8Array;
  private readonly blocks = new Map<number, Block>();
  private readonly list: number[] = [];
  /** One byte a granule: 1 where a live block lies. */
  private readonly taken: Uint8Array;
  private bytes = 0;
  private patterns = 0;

  constructor(readonly heap: Heap) {
    this.memory = new Uint8Array(heap.buffer, heap.byteOffset, heap.size);
    this.taken = new Uint8Array(heap.size / GRANULE);
  }

  get liveBlocks(): number {
    return this.blocks.size;
  }

  /** Usable bytes of all live blocks. */
  get liveBytes(): number {
    return this.bytes;
  }

  /** All live blocks, in no order. */
  get pointers(): readonly number[] {
    return this.list;
  }

  /** @param by the heap object that takes it */
  malloc(size: number, by = this.heap): number {
    return this.add(by.malloc(size), size);
  }

  calloc(count: number, size: number): number {
    const ptr = this.heap.calloc(count, size);
    const bytes = this.memory.subarray(ptr, ptr + count * size);
    assert(ptr === 0 || bytes.every((byte) => byte === 0), `calloc(${count}, ${size}) is not all zeros`);
    return this.add(ptr, count * size);
  }

  alignedAlloc(alignment: number, size: number): number {
    const ptr = this.heap.alignedAlloc(alignment, size);
    assert.equal(ptr % alignment, 0, `alignedAlloc(${alignment}, ${size}) gave ${ptr}`);
    return this.add(ptr, size);
  }

  /** How many there are: fewer than `count` when memory is out. */
  mallocMany(size: number, count: number, out: PointerArray): number {
    const got = this.heap.mallocMany(size, count, out);
    assert(got >= 0 && got <= count, `mallocMany(${size}, ${count}) gave ${got}`);
    for (let i = 0; i < got; i++) this.add(out[i], size);
    return got;
  }

  /** Undefined when memory is out. */
  alloc(length: number): Float64Array | undefined {
    let view: Float64Array;
    try {
      view = this.heap.alloc(Float64Array, length);
    } catch (error) {
      assert(error instanceof VmemError && error.code === 'ENOMEM', error as Error);
      return undefined;
    }
    assert.equal(view.length, length);
    this.add(view.byteOffset - this.heap.byteOffset, length * 8);
    return view;
  }

  /** @param by the heap object that does it */
  realloc(ptr: number, size: number, by = this.heap): number {
    const old = this.blocks.get(ptr);
    if (old !== undefined) this.verify(ptr, old);
    const moved = by.realloc(ptr, size);
    if (old === undefined) return this.add(moved, size);
    if (moved === 0 && size > 0) {
      this.verify(ptr, old); // no memory: the old block stays
      return 0;
    }
    this.forget(ptr, old);
    if (size === 0) {
      assert.equal(moved, 0, 'realloc(ptr, 0) gave a pointer');
      return 0;
    }
    const kept = Math.min(size, old.size);
    assert(
      holdsPattern(this.memory, moved, kept, old.pattern, old.size),
      `realloc(${ptr}, ${size}) of ${old.size} bytes lost contents`,
    );
    return this.add(moved, size);
  }

  relocate(ptr: number, by = this.heap): number {
    const old = this.blocks.get(ptr);
    assert(old !== undefined, `the model has no block at ${ptr}`);
    this.verify(ptr, old);
    const moved = by.relocate(ptr);
    if (moved === 0) {
      this.verify(ptr, old);
      return 0;
    }
    this.forget(ptr, old);
    assert(holdsPattern(this.memory, moved, old.size, old.pattern), `relocate(${ptr}) lost contents`);
    assert.equal(by.usableSize(moved), old.usable);
    return this.add(moved, old.size);
  }

  /** @param by the heap object that frees it */
  free(ptr: number, by = this.heap): void {
    const block = this.blocks.get(ptr);
    assert(block !== undefined, `the model has no block at ${ptr}`);
    this.verify(ptr, block);
    by.free(ptr);
    this.forget(ptr, block);
  }

  /** @param by the heap object that frees them */
  freeMany(ptrs: PointerArray, by = this.heap): void {
    const blocks = Array.from(ptrs, (ptr) => [ptr, this.blocks.get(ptr)!] as const);
    for (const [ptr, block] of blocks) this.verify(ptr, block);
    by.freeMany(ptrs);
    for (const [ptr, block] of blocks) this.forget(ptr, block);
  }

  freeView(view: ArrayBufferView): void {
    const ptr = view.byteOffset - this.heap.byteOffset;
    const block = this.blocks.get(ptr)!;
    this.verify(ptr, block);
    this.heap.free(view);
    this.forget(ptr, block);
  }

  freeAll(): void {
    for (let ptr = this.list.at(-1); ptr !== undefined; ptr = this.list.at(-1)) this.free(ptr);
  }

  /** Contents of all blocks, the heap's own check, and its figures against the model's. */
  verifyAll(): void {
    for (const [ptr, block] of this.blocks) this.verify(ptr, block);
    const { result, problems } = this.heap.checkReport();
    assert.deepEqual(problems, []);
    assert.equal(result, 1);
    const walked = [...this.heap.blocks()];
    const mine = [...this.blocks].map(([ptr, { usable }]) => ({ ptr, size: usable }));
    assert.deepEqual(
      walked,
      mine.sort((a, b) => a.ptr - b.ptr),
      'a walk finds other blocks than the model has',
    );
    const { live, liveBlocks, large } = this.heap.stats();
    assert.equal(liveBlocks, this.liveBlocks, 'live blocks: heap and model differ');
    assert.equal(live, this.liveBytes, 'live bytes: heap and model differ');
    assert(large.blocks <= liveBlocks && large.bytes <= live);
  }

  private add(ptr: number, size: number): number {
    if (ptr === 0) return 0;
    assert(Number.isSafeInteger(ptr) && ptr > 0 && ptr % GRANULE === 0, `pointer ${ptr}`);
    const usable = this.heap.usableSize(ptr);
    assert(usable >= size, `${usable} bytes usable of ${size} asked for`);
    assert(ptr + usable <= this.heap.size, `block of ${usable} at ${ptr} ends behind the heap`);
    const place = this.taken.subarray(ptr / GRANULE, (ptr + usable) / GRANULE);
    assert.equal(place.indexOf(1), -1, `block of ${usable} bytes at ${ptr} overlaps another`);
    place.fill(1);
    const pattern = (this.patterns = (this.patterns + 0x01000193) | 0);
    writePattern(this.memory, ptr, size, pattern);
    this.blocks.set(ptr, { index: this.list.push(ptr) - 1, size, usable, pattern });
    this.bytes += usable;
    return ptr;
  }

  private forget(ptr: number, block: Block): void {
    this.blocks.delete(ptr);
    const last = this.list.pop()!;
    if (last !== ptr) {
      this.list[block.index] = last;
      this.blocks.get(last)!.index = block.index;
    }
    this.taken.fill(0, ptr / GRANULE, (ptr + block.usable) / GRANULE);
    this.bytes -= block.usable;
  }

  private verify(ptr: number, { size, pattern }: Block): void {
    assert(
      holdsPattern(this.memory, ptr, size, pattern),
      `block of ${size} bytes at ${ptr} was written over`,
    );
  }
}
