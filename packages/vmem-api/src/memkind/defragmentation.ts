// Moving a block to where it helps to free whole pages.

import type { Vmem } from '../vmem';

/** Blocks of at most so many bytes have others of their size in their slab; larger ones have pages of their own. */
const LARGEST_IN_SLAB = 16 * 1024;
/** Places that are looked at, and the bytes that they may take meanwhile. */
const TRIES = 64;
const TRIED_BYTES = 64 * 1024;

/**
 * Moves the block at `ptr` to a lower address if one of the next free places of its size has one, the lowest of them;
 * returns it, or 0 if the block stays. So what lives gathers at the low end, slabs further up become empty, and `purge` can
 * give their pages back. A large block stays if the other place has not the alignment that this one has: it may have been
 * asked for. (That of small blocks is that of their size.)
 */
export function moveLower(pool: Vmem, ptr: number): number {
  const size = pool.usableSize(ptr);
  const isLarge = size > LARGEST_IN_SLAB;
  const places = new Float64Array(isLarge ? 1 : Math.min(TRIES, Math.ceil(TRIED_BYTES / size)));
  const count = pool.mallocMany(size, places.length, places);
  // the lowest last: the next call finds those first
  const found = places.subarray(0, count).sort().reverse();
  const lowest = found[count - 1] ?? ptr;
  const isBetter = lowest < ptr && (!isLarge || lowest % alignmentOf(ptr) === 0);
  if (!isBetter || pool.usableSize(lowest) !== size) {
    pool.freeMany(found);
    return 0;
  }
  pool.view(Uint8Array, lowest, size).set(pool.view(Uint8Array, ptr, size));
  try {
    pool.free(ptr);
  } catch (error) {
    pool.freeMany(found); // another thread has freed the block meanwhile
    throw error;
  }
  pool.freeMany(found.subarray(0, count - 1));
  return lowest;
}

/** The largest power of two that divides it. */
function alignmentOf(ptr: number): number {
  let alignment = 1;
  while (ptr % (alignment * 2) === 0) alignment *= 2;
  return alignment;
}
