// What a thread that will die has of a heap, as far as it has been told: it makes every call through here, so at each
// instant it is known which blocks are its own, and which ones its call may take or give back at that moment.

import type { Heap, PointerArray, TypedArrayConstructor } from '@vmem-ts/allocator';
import type { Write } from '../support/mortal-thread';
import { holdsPattern, writePattern } from '../support/model-heap';

/** A block that somebody has, and what stands in it. */
export interface Held {
  readonly ptr: number;
  readonly size: number;
  readonly pattern: number;
}

/** What the thread has at one moment. */
export interface Holdings {
  readonly blocks: readonly Held[];
  /** Those of them that the call under way gives back or moves. */
  readonly leaving: ReadonlySet<number>;
  /** As many blocks of so many bytes the call under way may have taken without telling. */
  readonly coming: { readonly count: number; readonly size: number };
}

const NONE = { count: 0, size: 0 };
/** What a thread has that is not attached yet. */
export const NOTHING: Holdings = { blocks: [], leaving: new Set(), coming: NONE };

/** The pattern of the block at `ptr`, when it was taken as number `serial`. */
const patternOf = (ptr: number, serial: number): number => Math.imul(ptr + serial, 0x9e3779b1);

/** Writes into a new block what tells it from others. */
export function mark(memory: Uint8Array, ptr: number, size: number, serial: number): Held {
  const pattern = patternOf(ptr, serial);
  writePattern(memory, ptr, size, pattern);
  return { ptr, size, pattern };
}

/** False if somebody has written into the block's first `size` bytes. */
export const isUntouched = (
  memory: Uint8Array,
  { ptr, size: written, pattern }: Held,
  size: number,
): boolean => holdsPattern(memory, ptr, size, pattern, written);

export class Hands {
  private blocks = new Map<number, Held>();
  private leaving: ReadonlySet<number> = new Set();
  private coming: Holdings['coming'] = NONE;
  private latest: Holdings | undefined;
  private serial = 0;

  /**
   * @param wrote told of what the thread writes into its blocks
   */
  constructor(
    readonly heap: Heap,
    private readonly memory: Uint8Array,
    private readonly wrote: (write: Write) => void,
  ) {}

  get now(): Holdings {
    return (this.latest ??= {
      blocks: [...this.blocks.values()],
      leaving: this.leaving,
      coming: this.coming,
    });
  }

  malloc(size: number): number {
    return this.taking(1, size, () => this.took(this.heap.malloc(size), size));
  }

  calloc(count: number, size: number): number {
    return this.taking(1, count * size, () => this.took(this.heap.calloc(count, size), count * size));
  }

  alignedAlloc(alignment: number, size: number): number {
    return this.taking(1, size, () => this.took(this.heap.alignedAlloc(alignment, size), size));
  }

  alloc<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, length: number, size: number): T {
    return this.taking(1, size, () => {
      const view = this.heap.alloc(Type, length);
      this.took(view.byteOffset - this.heap.byteOffset, size);
      return view;
    });
  }

  mallocMany(size: number, count: number, out: PointerArray): number {
    return this.taking(count, size, () => {
      const got = this.heap.mallocMany(size, count, out);
      for (let i = 0; i < got; i++) this.took(out[i], size);
      return got;
    });
  }

  free(ptr: number): void {
    this.giving([ptr], () => this.heap.free(ptr));
  }

  freeView(view: ArrayBufferView): void {
    this.giving([view.byteOffset - this.heap.byteOffset], () => this.heap.free(view));
  }

  freeMany(ptrs: PointerArray): void {
    this.giving([...ptrs], () => this.heap.freeMany(ptrs));
  }

  realloc(ptr: number, size: number): number {
    const old = this.blocks.get(ptr);
    this.leaving = new Set(old === undefined ? [] : [ptr]);
    return this.taking(1, size, () => {
      const moved = this.heap.realloc(ptr, size);
      this.leaving = new Set();
      if (moved === 0 && size > 0) return 0; // the old block stays
      if (old !== undefined) this.blocks.delete(ptr);
      if (moved === 0) return 0;
      if (old !== undefined && !isUntouched(this.memory, { ...old, ptr: moved }, Math.min(size, old.size)))
        throw new Error(`realloc of ${old.size} bytes at ${ptr} to ${size} lost contents`);
      return this.took(moved, size);
    });
  }

  relocate(ptr: number): number {
    const old = this.blocks.get(ptr)!;
    this.leaving = new Set([ptr]);
    return this.taking(1, old.size, () => {
      const moved = this.heap.relocate(ptr);
      this.leaving = new Set();
      if (moved === 0) return 0;
      this.blocks.delete(ptr);
      if (!isUntouched(this.memory, { ...old, ptr: moved }, old.size))
        throw new Error(`relocate of ${old.size} bytes at ${ptr} lost contents`);
      return this.took(moved, old.size);
    });
  }

  /** Takes over a block that somebody else has taken. */
  receive({ ptr, size, pattern }: Held): number {
    this.blocks.set(ptr, { ptr, size, pattern });
    this.latest = undefined;
    return ptr;
  }

  /** Somebody else has freed the block. */
  forget(ptr: number): void {
    this.blocks.delete(ptr);
    this.latest = undefined;
  }

  private taking<T>(count: number, size: number, call: () => T): T {
    this.coming = { count, size };
    this.latest = undefined;
    const result = call();
    this.coming = NONE;
    this.latest = undefined;
    return result;
  }

  /** What a call that throws was to give back may have been given back in part; the heap knows. */
  private giving(ptrs: readonly number[], call: () => void): void {
    this.leaving = new Set(ptrs);
    this.latest = undefined;
    let gone = ptrs;
    try {
      call();
    } catch (error) {
      gone = ptrs.filter((ptr) => !this.heap.contains(ptr));
      throw error;
    } finally {
      for (const ptr of gone) this.blocks.delete(ptr);
      this.leaving = new Set();
      this.latest = undefined;
    }
  }

  private took(ptr: number, size: number): number {
    if (ptr === 0) return 0;
    if (this.blocks.has(ptr)) throw new Error(`${ptr} was given to one thread twice`);
    this.blocks.set(ptr, mark(this.memory, ptr, size, this.serial++));
    this.wrote({ byteOffset: this.heap.byteOffset + ptr, bytes: this.memory.slice(ptr, ptr + size) });
    return ptr;
  }
}
