// A full copy of a pool, in a file of its own.

import { ftruncateSync } from 'node:fs';
import { VmemError, type RestingHeap } from '@vmem-ts/allocator';
import { allocateFile, closeFile, openMemoryFile } from '../native';
import type { PoolParts } from '../pool/surroundings';
import { openBeside, writeOut } from './descriptors';
import { bytesOf } from './freeze';

/** Told while a pool is copied; `total` is what is in use of it. */
export type ForkProgress = (copied: number, total: number) => void;

/**
 * Copies a pool that rests to a new file in a directory, all of its storage allocated; no part is shared with the old one as
 * file systems offer it (reflinks), for such a part needs storage when it is written to, and without any that ends the process.
 * @throws MmapError ENOSPC, ...
 */
export function copyToFile(
  pool: PoolParts,
  rest: RestingHeap,
  dir: string | undefined,
  onProgress: ForkProgress,
): number {
  const { heap, memory } = pool;
  return filled(openBeside(memory.fd, dir), (fd) => {
    ftruncateSync(fd, heap.size);
    for (const { byteOffset, byteLength } of rest.stored()) allocateFile(fd, byteOffset, byteLength);
    write(fd, pool, rest, onProgress);
  });
}

/** The same to memory, which only what is in use takes. */
export function copyToMemory(pool: PoolParts, rest: RestingHeap, onProgress: ForkProgress): number {
  return filled(openMemoryFile(), (fd) => {
    ftruncateSync(fd, pool.heap.size);
    write(fd, pool, rest, onProgress);
  });
}

function write(fd: number, { memory }: PoolParts, rest: RestingHeap, onProgress: ForkProgress): void {
  const used = rest.used();
  const total = used.reduce((sum, { byteLength }) => sum + byteLength, 0);
  let copied = 0;
  writeOut(fd, bytesOf(memory), used, (bytes) => {
    copied += bytes;
    telling(() => {
      onProgress(copied, total);
    });
  });
}

/** What the caller's own code has thrown. */
export class CallerThrew extends Error {}

function telling(tell: () => void): void {
  try {
    tell();
  } catch (cause) {
    throw new CallerThrew('onProgress', { cause });
  }
}

function filled(fd: number, fill: (fd: number) => void): number {
  try {
    fill(fd);
    return fd;
  } catch (error) {
    closeFile(fd);
    throw error;
  }
}

/** Whether there was no room for a copy, or no place. */
export function isForWantOfRoom(error: unknown): boolean {
  if (error instanceof VmemError || error instanceof CallerThrew) return false;
  return typeof (error as { syscall?: unknown } | undefined)?.syscall === 'string';
}
