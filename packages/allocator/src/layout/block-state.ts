// One byte for each block of a slab, the source of truth about that block:
//
//     0         FREE        belongs to its slab                    changed under the bin's lock
//     1 + 2 s   LIVE in s   a caller has it; the thread in slot s  changed by the free() that wins it
//                           took it from its cache
//     2 + 2 s   CACHED in s lies in the cache of slot s            changed by whoever may use that cache
//
// So every state has exactly one party that may leave it, except LIVE: any thread frees any block. Where the
// slab's pages are `exclusive` (see `page-map`), only the thread that took the block may free it, with a plain
// store; another thread makes them `shared` first and waits until no thread is inside a fast section that began
// before. From then on each free is a compare-and-exchange. Either way one free of several wins.
//
// [STATE-1] Every state byte of a slab is FREE, or LIVE or CACHED in a slot that the heap has, CACHED in a slot
//           that is in use; bytes after the slab's last block are FREE.

export const FREE = 0;
const FIRST_LIVE = 1;
const FIRST_CACHED = 2;

/** The LIVE state of a block that the thread in slot `slot` took. */
export const liveIn = (slot: number): number => FIRST_LIVE + 2 * slot;
/** The CACHED state of slot `slot`. */
export const cachedBy = (slot: number): number => FIRST_CACHED + 2 * slot;
export const isLive = (state: number): boolean => (state & 1) === 1;
/** The slot that a LIVE or CACHED state names; -1 for FREE. */
export const slotOfState = (state: number): number => ((state + 1) >> 1) - 1;
/** The slot whose cache a block in this state lies in, or -1. */
export const cachingSlot = (state: number): number => (isLive(state) ? -1 : slotOfState(state));
/** As many slots as a byte can name in both states. */
export const MAX_SLOTS = 127;
