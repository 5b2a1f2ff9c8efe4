// This project's heaps: pools in a file and without one, as a user of the class Vmem calls them, and the class Heap alone
// over a SharedArrayBuffer, which shows what Vmem adds.

import { Heap, type HeapHandle } from '@vmem-ts/allocator';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import type { Allocator, Block, ManyBlocks, Place, SharedAllocator, Subject } from './subject';

class PoolAllocator implements SharedAllocator {
  readonly many: ManyBlocks;
  private readonly memory: Uint8Array;

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

function vmem(backend: 'overlay' | 'anonymous', title: string): Subject {
  const open = ({ dir, poolBytes }: Place): SharedAllocator => {
    const pool = Vmem.create(dir, poolBytes, { backend });
    return new PoolAllocator(pool, () => pool.delete());
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
        return new PoolAllocator(pool, () => pool.detach());
      },
    },
  };
}

function openHeap({ poolBytes }: Place): SharedAllocator {
  const heap = Heap.create(new SharedArrayBuffer(poolBytes), { zeroed: true });
  return new PoolAllocator(heap, () => heap.close());
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
      return new PoolAllocator(heap, () => heap.detach());
    },
  },
};
