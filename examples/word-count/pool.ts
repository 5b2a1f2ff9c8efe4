// The pool that the table lives in: how large, where, and what is said when it can't be had or is too small.

import { existsSync, statSync } from 'node:fs';
import { VMEM_MIN_POOL, Vmem, VmemError } from '@vmem-ts/vmem-api';
import { GIB, MIB, formatBytes } from './byte-size';
import { Failure, reasonOf } from './failure';

/** What a count table reaches. */
export const MAX_POOL = 16 * GIB;
/** Worker threads: a pool serves 127, and the main thread is one of them. */
export const MAX_THREADS = 126;
/** For a piece of text and what a thread keeps in its cache. */
const BYTES_PER_THREAD = 4 * MIB;

/**
 * Bytes of a pool for the words of `inputBytes` of text. What is dearest is a text of short words, each of which comes
 * once: five bytes of it become an entry of 24 bytes and its share of buckets, some 25; twelve times the text is enough,
 * and a small input gets that. In large ones most words have come before: the default input needs a seventh of its size;
 * it gets half, and something to begin with.
 */
export function defaultPoolSize(inputBytes: number, threads: number): number {
  const words = Math.min(12 * inputBytes, 64 * MIB + inputBytes / 2);
  const bytes = VMEM_MIN_POOL + words + threads * BYTES_PER_THREAD;
  return Math.min(Math.ceil(bytes / MIB) * MIB, MAX_POOL);
}

/** @throws Failure */
export function createPool(dir: string, size: number, threads: number): Vmem {
  if (!existsSync(dir)) throw new Failure(`--dir: ${dir}: it does not exist; name a folder that does`);
  try {
    return Vmem.create(dir, size, { threads: threads + 1 });
  } catch (error) {
    throw poolFailure(error, dir, size);
  }
}

const FAULTS_OF_THE_FOLDER = ['ENOTDIR', 'EACCES', 'EPERM', 'EROFS'];

function poolFailure(error: unknown, dir: string, size: number): unknown {
  if (!(error instanceof VmemError)) return error;
  const what = `no pool of ${formatBytes(size)} can be made in ${dir}`;
  if (statSync(dir).isCharacterDevice()) return new Failure(error.message);
  if (error.code === 'ENOSPC')
    return new Failure(`${what}: ${reasonOf(error)}; try a smaller --size or another --dir`);
  // the folder is there; so says procfs, for one
  if (error.code === 'ENOENT')
    return new Failure(`${what}: its file system takes no new files; name another folder by --dir`);
  if (!FAULTS_OF_THE_FOLDER.includes(error.code)) return new Failure(`${what}: ${error.message}`);
  return new Failure(`${what}: ${reasonOf(error)}; name another folder by --dir`);
}

/** What is said when a pool of `size` bytes has run full, and whether it is still consistent. */
export function outOfMemory(size: number, defaultSize: number, consistent: boolean): Failure {
  const larger = Math.min(Math.max(defaultSize, 2 * size), MAX_POOL);
  const advice = larger > size ? `--size ${formatBytes(larger).replaceAll(' ', '')}` : 'fewer files';
  const state = consistent ? 'check() finds it consistent' : 'check() finds it inconsistent';
  return new Failure(`out of memory: the pool of ${formatBytes(size)} is full (${state}); try ${advice}`);
}
