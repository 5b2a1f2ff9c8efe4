// A pool in the process that it was forked for.

import { closeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { Heap } from '@vmem-ts/allocator';
import type { PoolMemory } from '../backends/backend';
import { map, mapped, reserveFor } from '../backends/overlay';
import { adoptFile, closeFile, loadError } from '../native';
import { failingAs } from '../pool/failures';
import { surroundings, type PoolParts } from '../pool/surroundings';
import { takeMessage, type InheritedPool } from './message';

/** Pools that nobody has asked for so far. */
let waiting: InheritedPool[] | undefined;

/**
 * The pool of that name, if this process was started with one; to be had once, by the main thread.
 * @throws VmemError EINVAL; EMFILE, ENOMEM, ENOTSUP: then it can be asked for again
 */
export function adoptInherited(name: string): PoolParts | undefined {
  if (!isMainThread || loadError() !== null) return undefined;
  waiting ??= takeMessage();
  const index = waiting.findIndex((pool) => pool.name === name);
  if (index < 0) return undefined;
  const parts = failingAs(`the inherited pool '${name}' cannot be had`, () => adopt(waiting![index]));
  waiting.splice(index, 1);
  return parts;
}

/** The inherited descriptor is closed last: until then it can be tried again. */
function adopt({ fd: inherited, file, size, id, storage }: InheritedPool): PoolParts {
  const fd = adoptFile(inherited);
  let memory: PoolMemory | undefined;
  try {
    const share = { ...reserveFor(size, false), size, fd, file };
    memory = mapped(share);
    const handle = { buffer: share.buffer, byteOffset: share.byteOffset, size, id };
    for (const { byteOffset, byteLength } of Heap.storedRanges(handle)) {
      map(share, byteOffset, byteLength, storage === 'own' ? 'shared' : 'private');
    }
    const heap = Heap.adopt(handle, storage, surroundings(memory));
    try {
      closeSync(inherited);
    } catch {
      // Linux has closed it, whatever the file system says
    }
    return { heap, memory };
  } catch (error) {
    try {
      if (memory === undefined) closeFile(fd);
      else memory.release();
    } catch {
      // the caller hears what went wrong first
    }
    throw error;
  }
}
