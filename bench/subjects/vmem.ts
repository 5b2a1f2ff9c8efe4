// This project's heaps: pools in a file and without one, as a user of the class Vmem calls them, and the class Heap alone
// over a SharedArrayBuffer, which shows what Vmem adds.

import { Heap, type HeapHandle } from '@vmem-ts/allocator';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import type { Allocator, Block, ManyBlocks, Place, SharedAllocator, Subject } from './subject';

class PoolAllocator implements SharedAllocator {
  readonly many: ManyBlocks;
  protected readonly memory: Uint8Array;

  constructor(
    readonly blocks: Vmem | Heap,
    readonly close: () => void,
  ) {
    this.memory = new Uint8Array(blocks.buffer, blocks.byteOffset, blocks.size);
    this.many = {
      malloc: (size, out) => blocks.mallocMany(size, out.length, out),
      free: (ptrs) => blocks.freeMany(ptrs),
    };
  }

  write(block: Block, at: number): void {
    this.memory[(block as number) + at] = at;
  }

  bytes(block: Block, size: number): Uint8Array {
    return this.memory.subarray(block as number, (block as number) + size);
  }

  share(): VmemHandle | HeapHandle {
    return this.blocks.handle;
  }
}

/** Indexes into a view stay below this, as the README advises for pools that are larger. */
const VIEW_BYTES = 2 ** 31;

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

function allocatorOn(blocks: Vmem | Heap, close: () => void): SharedAllocator {
  return new (blocks.size > VIEW_BYTES ? LargePoolAllocator : PoolAllocator)(blocks, close);
}

function vmem(backend: 'overlay' | 'anonymous', title: string): Subject {
  const open = ({ dir, poolBytes }: Place): SharedAllocator => {
    const pool = Vmem.create(dir, poolBytes, { backend });
    return allocatorOn(pool, () => pool.delete());
  };
  return {
    id: backend,
    title,
    package: '@vmem-ts/vmem-api',
    hasPool: true,
    ...(backend === 'overlay' && { inFile: true as const }),
    open: (place) => Promise.resolve(open(place)),
    shared: {
      open,
      attach(share): Allocator {
        const pool = Vmem.attach(share as VmemHandle);
        return allocatorOn(pool, () => pool.detach());
      },
    },
  };
}

function openHeap({ poolBytes }: Place): SharedAllocator {
  const heap = Heap.create(new SharedArrayBuffer(poolBytes), { zeroed: true });
  return allocatorOn(heap, () => heap.close());
}

export const overlay = vmem('overlay', 'vmem-ts, file');
export const anonymous = vmem('anonymous', 'vmem-ts, anonymous');
export const heapAlone: Subject = {
  id: 'heap',
  title: 'vmem-ts, class Heap alone',
  package: '@vmem-ts/allocator',
  hasPool: true,
  open: (place) => Promise.resolve(openHeap(place)),
  shared: {
    open: openHeap,
    attach(share): Allocator {
      const heap = Heap.attach(share as HeapHandle);
      return allocatorOn(heap, () => heap.detach());
    },
  },
};
