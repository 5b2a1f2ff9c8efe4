// The lower parts of the allocator on a heap that nothing else uses, as a thread that has the locks sees them.

import { Heap } from '@vmem-ts/allocator';
import { ExtentAllocator } from '#src/extent/extent-allocator';
import { StateStore } from '#src/slab/state-store';
import { OwnedLocks } from '#src/sync/lock';
import { InnerHeap } from './inner-heap';

const TOKEN = 0x7f01;

export interface InnerParts {
  readonly inner: InnerHeap;
  readonly locks: OwnedLocks;
  readonly extents: ExtentAllocator;
  readonly states: StateStore;
}

export function newParts(size: number): InnerParts {
  const inner = new InnerHeap(Heap.create(new SharedArrayBuffer(size)));
  const never = (): never => {
    throw new Error('nobody else has a lock here');
  };
  const locks = new OwnedLocks(inner.i32, TOKEN, never, never);
  const extents = new ExtentAllocator(inner.region, locks);
  extents.lock();
  return { inner, locks, extents, states: new StateStore(inner.region, extents) };
}
