// What a workload sees of an allocator, and what the bench knows of one that runs in Node.

/** A pointer, or where there are none the memory itself. */
export type Block = number | Uint8Array;

/**
 * An allocator in one thread. A process measures one subject only, so that V8 compiles the workload for it alone, as it
 * would in a user's program.
 */
export interface Allocator {
  readonly blocks: Blocks;
  /** Writes one byte of the block. */
  write(block: Block, at: number): void;
  /** The block's first bytes, for verifying. */
  bytes(block: Block, size: number): Uint8Array;
  close(): void;
  /** Where the allocator has calls for many blocks at once. */
  readonly many?: ManyBlocks | undefined;
}

/** What the workloads' loops call: the allocator's own object where it has these methods, since a call in between would be
 * the bench's cost. */
export interface Blocks {
  /** 0 when memory is out. */
  malloc(size: number): Block;
  free(block: Block): void;
}

export interface ManyBlocks {
  /** Fills `out` with new blocks of `size` bytes; returns how many there are. */
  malloc(size: number, out: Float64Array): number;
  free(blocks: Float64Array): void;
}

/** An allocator that several threads can use. */
export interface SharedAllocator extends Allocator {
  /** For `attach` in another thread; can be posted. */
  share(): unknown;
}

export interface Place {
  readonly poolBytes: number;
  readonly dir: string;
  /** About how many blocks there will be at once, for the control. */
  readonly slots: number;
}

export interface Subject {
  readonly id: string;
  readonly title: string;
  /** The npm package whose version is named in the report. */
  readonly package?: string;
  /** Memory comes from a pool of a fixed size. */
  readonly hasPool: boolean;
  /** That pool is in a file of its size. */
  readonly inFile?: true;
  /** Blocks are freed by the garbage collector, now and then and many at once. */
  readonly collected?: true;
  open(place: Place): Promise<Allocator>;
  /** Only where threads can share the allocator: makes it and attaches to it. */
  readonly shared?: {
    open(place: Place): SharedAllocator;
    attach(share: unknown): Allocator;
  };
}
