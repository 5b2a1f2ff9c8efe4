// One byte for each block of a slab, the source of truth about that block:
//
//     0        FREE      belongs to its slab, may be handed to a thread cache     written under the bin's lock
//     1        LIVE      a caller has it                                          written by malloc
//     2 + s    CACHED    lies in the cache of the thread in slot s                written by refill and by free
//
// [STATE-1] Every state byte of a slab is FREE, LIVE, or CACHED of a slot that is in use; bytes after the
//           slab's last block are FREE.
//
// Only CACHED carries an owner. When two threads free one block at the same moment, both may push it, but the
// byte names one of them: the other's entry no longer matches and is dropped when it surfaces.
// Unless a double free races with the return of its slab (see README, State), a block is in the hands of at
// most one thread whatever the callers do.

export const FREE = 0;
export const LIVE = 1;
export const FIRST_CACHED = 2;

/** The CACHED state of slot `slot`. */
export const cachedBy = (slot: number): number => FIRST_CACHED + slot;
/** The slot whose cache a block in this state lies in, or -1. */
export const cachingSlot = (state: number): number => (state >= FIRST_CACHED ? state - FIRST_CACHED : -1);
/** As many slots as a byte can name. */
export const MAX_SLOTS = 256 - FIRST_CACHED;
