// What a process that is about to be started needs so that it has this one's pools: their files among its descriptors, and a
// message that says which they are.

import type { ForkOptions } from 'node:child_process';
import { VmemError, readingFrom, type RestingHeap } from '@vmem-ts/allocator';
import { requirePoolFile } from '../backends/pool-file';
import { fileInfo, loadError } from '../native';
import { failingAs } from '../pool/failures';
import type { PoolParts } from '../pool/surroundings';
import { CallerThrew, copyToFile, copyToMemory, isForWantOfRoom, type ForkProgress } from './copy';
import { canBeFrozen, freeze } from './freeze';
import { closeAnyway } from './descriptors';
import { environmentWith, type InheritedPool } from './message';
import { poolForkOptions, stdioOf, type ForkMode, type PoolForkOptions } from './options';

export interface PreparedFork {
  /** For `child_process.fork`. */
  readonly options: ForkOptions;
  /** To be called when the process was started, or could not be: this one needs the descriptors no more. */
  done(): void;
}

interface Snapshot {
  readonly fd: number;
  readonly storage: InheritedPool['storage'];
}

const NOT_TO_BE_HAD = 'the pool can not be had by another process';

/**
 * Makes the pools ready for one process.
 * @param pools by the names that the process asks for them by
 * @throws VmemError EINVAL; ENOTSUP; EBADF; ENOSPC, EDQUOT, EMFILE, ...; what `onProgress` throws
 */
export function prepareFork(
  pools: ReadonlyMap<string, PoolParts>,
  poolOptions: PoolForkOptions,
  options: ForkOptions,
): PreparedFork {
  const { mode, onProgress, dir } = poolForkOptions(poolOptions);
  // first: what the caller's own accessors throw must leave nothing behind
  const { stdio, env } = readingFrom('options', () => ({
    stdio: stdioOf(options),
    env: { ...(options.env ?? process.env) },
  }));
  const snapshots: Snapshot[] = [];
  const done = (): void => {
    for (const { fd } of snapshots.splice(0)) closeAnyway(fd);
  };
  const inherited: InheritedPool[] = [];
  try {
    for (const [name, pool] of pools) {
      pool.heap.contains(0); // a pool that is deleted is nothing to be forked, nor to be left behind
      if (mode === 0) continue;
      const snapshot = snapshotOf(pool, mode, dir, onProgress);
      snapshots.push(snapshot);
      const { fd, storage } = snapshot;
      const { id: file } = failingAs(NOT_TO_BE_HAD, () => fileInfo(fd));
      const { size, handle } = pool.heap;
      inherited.push({ name, fd: stdio.length, file, size, id: handle.id, storage });
      stdio.push(fd);
    }
  } catch (error) {
    done();
    throw error instanceof CallerThrew ? error.cause : error;
  }
  return {
    options: { ...options, stdio, env: environmentWith(env, inherited) },
    done,
  };
}

function snapshotOf(
  pool: PoolParts,
  mode: ForkMode,
  dir: string | undefined,
  onProgress: ForkProgress,
): Snapshot {
  const reason = loadError();
  if (reason !== null) throw new VmemError('ENOTSUP', `${NOT_TO_BE_HAD}: ${reason.message}`);
  return failingAs(NOT_TO_BE_HAD, () =>
    pool.heap.atRest((rest) => {
      // here, where nobody deletes the pool, which closes the descriptor, too
      if (pool.memory.backend === 'overlay') requirePoolFile(pool.memory);
      if (mode === 1) return privately(pool, rest, onProgress);
      try {
        return { fd: copyToFile(pool, rest, dir, onProgress), storage: 'own' };
      } catch (error) {
        if (mode === 2 || !isForWantOfRoom(error)) throw error;
        return privately(pool, rest, onProgress);
      }
    }),
  );
}

/** A file that is frozen already, or is none, is not what the pool holds now: that is copied to memory, which it is in anyway. */
function privately(pool: PoolParts, rest: RestingHeap, onProgress: ForkProgress): Snapshot {
  const { memory } = pool;
  const isOwn = rest.storage === 'own' || rest.storage === 'thawed';
  if (isOwn && canBeFrozen(memory)) return { fd: freeze(pool, rest), storage: 'borrowed' };
  if (memory.backend === 'overlay' && fileInfo(memory.fd).isCharDevice) {
    throw new VmemError(
      'ENOTSUP',
      'a device can not be mapped copy-on-write; mode 2 copies the pool to `dir`',
    );
  }
  return { fd: copyToMemory(pool, rest, onProgress), storage: 'own' };
}
