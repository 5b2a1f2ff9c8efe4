// What a process that is about to be started needs so that it has this one's pools: their files among its descriptors, and a
// message that says which they are.

import type { ForkOptions } from 'node:child_process';
import { VmemError, describe, readingFrom, requireObject, type RestingHeap } from '@vmem-ts/allocator';
import { requirePoolFile } from '../backends/pool-file';
import { closeFile, fileInfo, loadError } from '../native';
import { requireDirectory } from '../pool/directory';
import { failingAs } from '../pool/failures';
import type { PoolParts } from '../pool/surroundings';
import { CallerThrew, copyToFile, copyToMemory, isForWantOfRoom, type ForkProgress } from './copy';
import { canBeFrozen, freeze } from './freeze';
import { environmentWith, type InheritedPool } from './message';

/**
 * What a forked process sees of a pool. 0: nothing. 1: its contents, copy-on-write: what either of the two processes writes from
 * then on takes memory. 2: a copy in a file of its own, in the same directory. 3: that, or without room for it what 1 says.
 */
export type ForkMode = 0 | 1 | 2 | 3;

/** What becomes of the pools when a process is started. */
export interface PoolForkOptions {
  /** Default 1. */
  readonly mode?: ForkMode;
  /**
   * Called while the pool is copied, now and then and at the end, with the bytes that are copied and those that are to be.
   * All threads that call the pool wait meanwhile; it must not use the pool itself. What it throws ends the fork.
   */
  readonly onProgress?: ForkProgress;
  /** Where mode 2 makes the copy; default: where the pool is. */
  readonly dir?: string;
}

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
  const { mode, onProgress, dir } = readOptions(poolOptions);
  // first: what the caller's own accessors throw must leave nothing behind
  const { stdio, env } = readingFrom('options', () => ({
    stdio: stdioOf(options),
    env: { ...(options.env ?? process.env) },
  }));
  const snapshots: Snapshot[] = [];
  const done = (): void => {
    for (const { fd } of snapshots.splice(0)) closeFile(fd);
  };
  const inherited: InheritedPool[] = [];
  try {
    for (const [name, pool] of pools) {
      pool.heap.contains(0); // a pool that is deleted is nothing to be forked, nor to be left behind
      if (mode === 0) continue;
      const { fd, storage } = snapshotOf(pool, mode, dir, onProgress);
      snapshots.push({ fd, storage });
      const { size, handle } = pool.heap;
      inherited.push({ name, fd: stdio.length, file: fileInfo(fd).id, size, id: handle.id, storage });
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
  if (reason !== null)
    throw new VmemError('ENOTSUP', `the pool can not be had by another process: ${reason.message}`);
  return failingAs('the pool can not be had by another process', () =>
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

function readOptions(
  options: PoolForkOptions,
): Required<Omit<PoolForkOptions, 'dir'>> & { dir: string | undefined } {
  requireObject('options', options);
  const { mode, onProgress, dir } = readingFrom('options', () => {
    const { mode = 1, onProgress = (): void => undefined, dir } = options;
    return { mode, onProgress, dir };
  });
  if (![0, 1, 2, 3].includes(mode)) {
    throw new VmemError('EINVAL', `mode: expected 0, 1, 2 or 3, got ${describe(mode)}`);
  }
  if (typeof onProgress !== 'function') {
    throw new VmemError('EINVAL', `onProgress: expected a function, got ${describe(onProgress)}`);
  }
  if (dir !== undefined) requireDirectory(dir);
  return { mode, onProgress, dir };
}

type Stdio = Extract<ForkOptions['stdio'], readonly unknown[]>;

/** The descriptors of the process, as `child_process.fork` would have them: there is a channel to it. */
function stdioOf({ stdio, silent }: ForkOptions): Stdio[number][] {
  if (Array.isArray(stdio)) {
    if (!stdio.includes('ipc')) throw new VmemError('EINVAL', "stdio: expected one that is 'ipc'");
    return [...stdio];
  }
  const each = typeof stdio === 'string' ? stdio : silent === true ? 'pipe' : 'inherit';
  return [each, each, each, 'ipc'];
}
