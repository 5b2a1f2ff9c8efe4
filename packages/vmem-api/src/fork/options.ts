// The options of a fork.

import type { ForkOptions } from 'node:child_process';
import { VmemError, describe, readingFrom, requireObject } from '@vmem-ts/allocator';
import { requireDirectory } from '../pool/directory';
import type { ForkProgress } from './copy';

/**
 * What a forked process sees of a pool. 0: nothing. 1: its contents, copy-on-write: what either of the two processes writes from
 * then on takes memory. 2: a copy in a file of its own, in the same directory. 3: that, or without room for it what 1 says.
 */
export type ForkMode = 0 | 1 | 2 | 3;

/** What becomes of the pools when a process is started. */
export interface PoolForkOptions {
  /** Default 1. */
  readonly mode?: ForkMode | undefined;
  /**
   * Called while the pool is copied, now and then and at the end, with the bytes that are copied and those that are to be.
   * All threads that call the pool wait meanwhile; it must not use the pool itself. What it throws ends the fork.
   */
  readonly onProgress?: ForkProgress | undefined;
  /** Where mode 2 makes the copy; default: where the pool is. */
  readonly dir?: string | undefined;
}

/** What a process is started with besides the pool whose `fork` it is. */
export interface ForkedPools<Pool> {
  /** Further pools for the process, by the names that it asks `Vmem.inherited` for. Each is as it is at a moment of its own. */
  readonly pools?: Readonly<Record<string, Pool>> | undefined;
}

/**
 * Refuses what child_process.fork would refuse only when the pool is frozen.
 * @throws VmemError EINVAL
 */
export function requireProgram(modulePath: unknown, args: unknown): void {
  if (!readingFrom('modulePath', () => typeof modulePath === 'string' || modulePath instanceof URL)) {
    throw new VmemError('EINVAL', `modulePath: expected a path or a URL, got ${describe(modulePath)}`);
  }
  if (!readingFrom('args', () => Array.isArray(args) && args.every((each) => typeof each === 'string'))) {
    throw new VmemError('EINVAL', `args: expected an array of strings, got ${describe(args)}`);
  }
}

/**
 * The options of a fork, each read once: those that are ours, and those of child_process.fork.
 * @throws VmemError EINVAL
 */
export function splitForkOptions<Pool>(options: ForkOptions & PoolForkOptions & ForkedPools<Pool>): {
  pools: Readonly<Record<string, Pool>>;
  own: PoolForkOptions;
  rest: ForkOptions;
} {
  requireObject('options', options);
  return readingFrom('options', () => {
    const { mode, onProgress, dir, pools, ...rest } = options;
    const own = {
      ...(mode !== undefined && { mode }),
      ...(onProgress !== undefined && { onProgress }),
      ...(dir !== undefined && { dir }),
    };
    return { pools: { ...pools }, own, rest };
  });
}

/**
 * What is ours of them, checked.
 * @throws VmemError EINVAL
 */
export function poolForkOptions(options: PoolForkOptions): {
  mode: ForkMode;
  onProgress: ForkProgress;
  dir: string | undefined;
} {
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
export function stdioOf({ stdio, silent }: ForkOptions): Stdio[number][] {
  if (Array.isArray(stdio)) {
    if (!stdio.includes('ipc')) throw new VmemError('EINVAL', "stdio: expected one that is 'ipc'");
    return [...stdio];
  }
  const each = typeof stdio === 'string' ? stdio : silent === true ? 'pipe' : 'inherit';
  return [each, each, each, 'ipc'];
}
