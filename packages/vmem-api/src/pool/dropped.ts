// Pools that a thread has dropped without `detach` or `delete`: when the garbage collector has found one, it is detached.
// Otherwise its thread slot and its caches would be in use, and the note for the thread's death would keep the memory's
// addresses, until the thread ends.

import type { Heap } from '@vmem-ts/allocator';
import type { PoolMemory } from '../backends/backend';

interface Remains {
  readonly heap: Heap;
  readonly memory: PoolMemory;
}

const registry = new FinalizationRegistry<Remains>(({ heap, memory }) => {
  try {
    const isDeleted = !heap.isOpen;
    heap.detach();
    if (isDeleted) memory.leave();
  } catch {
    // There is no caller to tell. A heap whose data contradict each other says so to the next one who asks.
  }
});

/** Has `heap` detached when `pool`, which nothing in `remains` leads to, is garbage. */
export function watchForDrop(pool: object, remains: Remains): void {
  registry.register(pool, remains, pool);
}

export function stopWatching(pool: object): void {
  registry.unregister(pool);
}
