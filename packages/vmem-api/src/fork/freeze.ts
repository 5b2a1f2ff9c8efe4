// The file of a pool as it is at one moment, for another process, while this one goes on: what threads write from then on is
// in memory of this process' own (mmap(2), MAP_PRIVATE). Later it can be brought back to the file.
//
// Other threads write to their blocks meanwhile. To put the private mapping in the place of the shared one loses nothing: what
// was written by then is in the file. The way back does not work like that, for a page is copied first and replaced then. So
// nobody may write to blocks meanwhile, and what the heap's own threads write to at any time, its head, stays private for ever;
// when the file is frozen again it is written to it.

import { VmemError, type RestingHeap, type StoredRange } from '@vmem-ts/allocator';
import type { FileShare, PoolMemory } from '../backends/backend';
import { requirePoolFile } from '../backends/pool-file';
import { advise, allocateFile, fileInfo, lockFile, overlayFile, privatePages } from '../native';
import { failingAs } from '../pool/failures';
import type { PoolParts } from '../pool/surroundings';
import { closeAnyway, reopen, writeOut } from './descriptors';

/** Processes that are being started have copies of all descriptors for a moment, and the locks with them. */
const MOST_TRIES = 50;
const TRY_MS = 1;

/** A word that nobody changes; made at load: who naps has the pool at rest, and under the preload memory would come from it. */
const nap = new Int32Array(new SharedArrayBuffer(4));

/** Whether other processes can have the file privately. */
export function canBeFrozen(memory: PoolMemory): boolean {
  return memory.backend === 'overlay' && !fileInfo(memory.fd).isCharDevice;
}

/**
 * Freezes the file of a pool that rests, and is not frozen.
 * @returns a descriptor for another process; the file can't be thawed while it has that
 */
export function freeze({ memory }: PoolParts, rest: RestingHeap): number {
  const share = memory as FileShare;
  const before = rest.storage;
  const theirs = reopen(share.fd);
  const done: StoredRange[] = [];
  let isHeadPrivate = before === 'thawed';
  try {
    lockFile(share.fd, 'none'); // a thread may have died while it thawed the file
    lockFile(theirs, 'shared');
    rest.storage = 'frozen';
    const ranges = rest.stored();
    if (before === 'thawed') {
      writeOut(share.fd, bytesOf(memory), [rest.head]);
      ranges.shift();
    }
    for (const range of ranges) {
      done.push(range);
      overlay(share, range, 'private');
      isHeadPrivate = true; // it is the first
      adviseAgainstReading(share, range);
    }
    return theirs;
  } catch (error) {
    // the caller hears what went wrong first; what can't be undone behind the head leaves the pool frozen, for `thaw` to try it
    // once more
    closeAnyway(theirs);
    try {
      if (isHeadPrivate) {
        bringBack(share, before === 'thawed' ? done : done.slice(1));
        rest.storage = 'thawed';
      } else {
        rest.storage = before; // not frozen: after that, `thaw` would say that the head is private
        try {
          for (const range of done) remap(share, range, 'shared'); // what failed may have left a hole
        } finally {
          rest.storage = before; // of a head that came from the file again
        }
      }
    } catch {
      // as it is
    }
    throw error;
  }
}

/**
 * Ends what `freeze` began; bytes that had to be written to the file. No other thread may write to blocks of the pool.
 * @throws VmemError EBUSY: another process has the file; ENOSPC, EDQUOT: no room for what the pool has grown by meanwhile;
 *   ENOTSUP: the file is that of another process' pool; EBADF: the pool's descriptor is lost. Then it is frozen as before
 */
export function thaw({ heap, memory }: PoolParts): number {
  return heap.atRest((rest) => {
    if (rest.storage === 'borrowed') {
      throw new VmemError('ENOTSUP', 'the pool lies on the file of the process that it came from');
    }
    if (rest.storage !== 'frozen') return 0;
    const share = memory as FileShare;
    requirePoolFile(share);
    return failingAs('the pool can not be brought back to its file', () => {
      lockAlone(share.fd);
      try {
        const written = bringBack(share, rest.stored().slice(1));
        rest.storage = 'thawed'; // last: whose thread ends before leaves a pool that is frozen
        return written;
      } finally {
        lockFile(share.fd, 'none');
      }
    });
  });
}

/** Writes what is private in the ranges to the file, and has stores reach it again. */
function bringBack(share: FileShare, ranges: readonly StoredRange[]): number {
  const { buffer, byteOffset: start, fd } = share;
  // what the pool has grown by is behind the rest: if there is no room for it, nothing else has been given any
  for (const { byteOffset, byteLength } of [...ranges].reverse()) allocateFile(fd, byteOffset, byteLength);
  const changed = ranges
    .flatMap(({ byteOffset, byteLength }) => privatePages(buffer!, start + byteOffset, byteLength))
    .map(({ byteOffset, byteLength }) => ({ byteOffset: byteOffset - start, byteLength }));
  let written = 0;
  writeOut(fd, bytesOf(share), changed, (bytes) => (written += bytes));
  for (const range of ranges) remap(share, range, 'shared');
  return written;
}

/** As `map` of the backend does it. */
function remap(share: FileShare, range: StoredRange, mode: 'shared' | 'private'): void {
  overlay(share, range, mode);
  adviseAgainstReading(share, range);
}

/** If it fails, what was there before is there, or zeros are. */
function overlay(
  { buffer, byteOffset: start, fd, sync }: FileShare,
  { byteOffset, byteLength }: StoredRange,
  mode: 'shared' | 'private',
): void {
  const how = mode === 'shared' && sync === true ? 'sync' : mode;
  overlayFile(buffer!, start + byteOffset, byteLength, fd, byteOffset, how);
}

function adviseAgainstReading(
  { buffer, byteOffset: start }: FileShare,
  { byteOffset, byteLength }: StoredRange,
): void {
  advise(buffer!, start + byteOffset, byteLength, 'random');
}

function lockAlone(fd: number): void {
  for (let tries = 1; ; tries++) {
    try {
      lockFile(fd);
      return;
    } catch (error) {
      if (tries < MOST_TRIES && (error as { code?: unknown }).code === 'EBUSY') sleep();
      else throw error;
    }
  }
}

function sleep(): void {
  Atomics.wait(nap, 0, 0, TRY_MS);
}

export function bytesOf({ buffer, byteOffset, size }: FileShare | PoolMemory): Uint8Array {
  return new Uint8Array(buffer!, byteOffset, size);
}
