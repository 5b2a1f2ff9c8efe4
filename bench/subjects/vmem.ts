// This project's heaps: pools in a file and without one, as a user of the class Vmem calls them, and the class Heap alone
// over a SharedArrayBuffer, which shows what Vmem adds.

import { Heap, type HeapHandle } from '@vmem-ts/allocator';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import type { Allocator, Block, ManyBlocks, Place, SharedAllocator, Subject } from './subject';

const manyOf = (heap: Pick<Heap, 'mallocMany' | 'freeMany'>): ManyBlocks => ({
  malloc: (size, out) => heap.mallocMany(size, out.length, out),
  free: (blocks) => heap.freeMany(blocks),
});

class VmemAllocator implements SharedAllocator {
  readonly many: ManyBlocks;
  private readonly memory: Uint8Array;

  constructor(
    private readonly pool: Vmem,
    private readonly owner: boolean,
  ) {
    this.memory = new Uint8Array(pool.buffer, pool.byteOffset, pool.size);
    this.many = manyOf(pool);
  }

  malloc(size: number): Block {
    return this.pool.malloc(size);
  }

  free(block: Block): void {
    this.pool.free(block);
  }

  write(block: Block, at: number): void {
    this.memory[(block as number) + at] = at;
  }

  bytes(block: Block, size: number): Uint8Array {
    return this.memory.subarray(block as number, (block as number) + size);
  }

  share(): VmemHandle {
    return this.pool.handle;
  }

  close(): void {
    if (this.owner) this.pool.delete();
    else this.pool.detach();
  }
}

class HeapAllocator implements SharedAllocator {
  readonly many: ManyBlocks;
  private readonly memory: Uint8Array;

  constructor(
    private readonly heap: Heap,
    private readonly owner: boolean,
  ) {
    this.memory = new Uint8Array(heap.buffer, heap.byteOffset, heap.size);
    this.many = manyOf(heap);
  }

  malloc(size: number): Block {
    return this.heap.malloc(size);
  }

  free(block: Block): void {
    this.heap.free(block);
  }

  write(block: Block, at: number): void {
    this.memory[(block as number) + at] = at;
  }

  bytes(block: Block, size: number): Uint8Array {
    return this.memory.subarray(block as number, (block as number) + size);
  }

  share(): HeapHandle {
    return this.heap.handle;
  }

  close(): void {
    if (this.owner) this.heap.close();
    else this.heap.detach();
  }
}

function vmem(backend: 'overlay' | 'anonymous', title: string): Subject {
  const open = ({ dir, poolBytes }: Place): SharedAllocator =>
    new VmemAllocator(Vmem.create(dir, poolBytes, { backend }), true);
  return {
    id: backend,
    title,
    package: '@vmem-ts/vmem-api',
    hasPool: true,
    open: (place) => Promise.resolve(open(place)),
    shared: {
      open,
      attach: (share): Allocator => new VmemAllocator(Vmem.attach(share as VmemHandle), false),
    },
  };
}

const openHeap = ({ poolBytes }: Place): SharedAllocator =>
  new HeapAllocator(Heap.create(new SharedArrayBuffer(poolBytes), { zeroed: true }), true);

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
    attach: (share): Allocator => new HeapAllocator(Heap.attach(share as HeapHandle), false),
  },
};
