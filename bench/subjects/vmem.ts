// This project's heaps: pools in a file and without one, as a user of the class Vmem calls them, and the class Heap alone
// over a SharedArrayBuffer, which shows what Vmem adds.

import { Heap, type HeapHandle } from '@vmem-ts/allocator';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { allocatorOn } from './pool-allocator';
import type { Allocator, Place, SharedAllocator, Subject } from './subject';

function allocatorWithMany(heap: Vmem | Heap, close: () => void): SharedAllocator {
  return allocatorOn(heap, heap, close, {
    malloc: (size, out) => heap.mallocMany(size, out.length, out),
    free: (ptrs) => heap.freeMany(ptrs),
  });
}

function vmem(backend: 'overlay' | 'anonymous', title: string): Subject {
  const open = ({ dir, poolBytes }: Place): SharedAllocator => {
    const pool = Vmem.create(dir, poolBytes, { backend });
    return allocatorWithMany(pool, () => pool.delete());
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
        return allocatorWithMany(pool, () => pool.detach());
      },
    },
  };
}

function openHeap({ poolBytes }: Place): SharedAllocator {
  const heap = Heap.create(new SharedArrayBuffer(poolBytes), { zeroed: true });
  return allocatorWithMany(heap, () => heap.close());
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
      return allocatorWithMany(heap, () => heap.detach());
    },
  },
};
