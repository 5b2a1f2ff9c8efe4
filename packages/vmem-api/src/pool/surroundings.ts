// What a thread brings along into the heap of a pool.

import type { Heap, HeapOptions } from '@vmem-ts/allocator';
import type { PoolMemory } from '../backends/backend';
import { threadHost } from '../native';

/** A pool as one thread has it. */
export interface PoolParts {
  readonly heap: Heap;
  readonly memory: PoolMemory;
}

export function surroundings({ source }: PoolMemory): Pick<HeapOptions, 'host' | 'source'> {
  const host = threadHost();
  return { ...(host !== undefined && { host }), ...(source !== undefined && { source }) };
}
