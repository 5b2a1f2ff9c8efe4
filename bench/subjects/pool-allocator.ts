// An allocator whose blocks lie in a pool or heap of this project, by whatever names they are had.

import type { Block, Blocks, ManyBlocks, SharedAllocator } from './subject';

/** What class Vmem, class Heap and libvmem's VMEM have in common. */
interface Pool {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly size: number;
  readonly handle: unknown;
}

/** Indexes into a view stay below this, as the README advises for pools that are larger. */
const VIEW_BYTES = 2 ** 31;

class PoolAllocator implements SharedAllocator {
  protected readonly memory: Uint8Array;

  constructor(
    readonly blocks: Blocks,
    private readonly pool: Pool,
    readonly close: () => void,
    readonly many?: ManyBlocks,
  ) {
    this.memory = new Uint8Array(pool.buffer, pool.byteOffset, pool.size);
  }

  write(block: Block, at: number): void {
    this.memory[(block as number) + at] = at;
  }

  bytes(block: Block, size: number): Uint8Array {
    return this.memory.subarray(block as number, (block as number) + size);
  }

  share(): unknown {
    return this.pool.handle;
  }
}

class LargePoolAllocator extends PoolAllocator {
  private readonly views = Array.from({ length: Math.ceil(this.memory.length / VIEW_BYTES) }, (_, i) =>
    this.memory.subarray(i * VIEW_BYTES, (i + 1) * VIEW_BYTES),
  );

  override write(block: Block, at: number): void {
    const index = (block as number) + at;
    const view = Math.floor(index / VIEW_BYTES);
    this.views[view][index - view * VIEW_BYTES] = at;
  }
}

export function allocatorOn(
  blocks: Blocks,
  pool: Pool,
  close: () => void,
  many?: ManyBlocks,
): SharedAllocator {
  return new (pool.size > VIEW_BYTES ? LargePoolAllocator : PoolAllocator)(blocks, pool, close, many);
}
