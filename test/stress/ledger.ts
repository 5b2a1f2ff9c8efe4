// Who has which blocks of one pool, in shared memory, so that blocks outlive the threads that know of them: a row of places
// for each worker, and shelves from which any worker takes and on which it puts.
//
// A block is one word: its granule and a mark of 7 bits that is part of its cookie. A worker writes the number of blocks that
// it may have in its hands only, in no place, before it begins and 0 when it is done. So of a thread that dies at any moment we
// know how many blocks, at most, are live and in no place.

/** Rows: workers, and threads that are killed. */
export const MOST_ROWS = 20;
export const PLACES = 1024;
export const SHELVES = 64;

/** Counts the blocks that the dead may have had in their hands. */
export const LOST = SHELVES;

const ROWS = SHELVES + 16;
const HEADER = 16;
const ROW = HEADER + PLACES;
const GRANULE = 8;
const MARK_SHIFT = 25;
const GRANULE_MASK = (1 << MARK_SHIFT) - 1;
export const MARKS = 1 << (32 - MARK_SHIFT);
/** Bytes of the largest pool that a ledger can be of. */
export const MOST_BYTES = GRANULE * (GRANULE_MASK + 1);

export const entryOf = (ptr: number, mark: number): number => (ptr / GRANULE) | (mark << MARK_SHIFT);
export const ptrOf = (entry: number): number => (entry & GRANULE_MASK) * GRANULE;
export const markOf = (entry: number): number => entry >>> MARK_SHIFT;

/** Word of the count of blocks in the hands of that row's worker; its places begin at `placesOf`. */
export const handsOf = (row: number): number => ROWS + row * ROW;
export const placesOf = (row: number): number => handsOf(row) + HEADER;

export const ledgerMemory = (): SharedArrayBuffer => new SharedArrayBuffer((ROWS + MOST_ROWS * ROW) * 4);

/** Words of all blocks that are on shelves and in rows. */
export function* entriesOf(words: Int32Array): Generator<{ at: number; entry: number }> {
  for (let at = 0; at < SHELVES; at++) if (words[at] !== 0) yield { at, entry: words[at] };
  for (let row = 0; row < MOST_ROWS; row++) {
    const first = placesOf(row);
    for (let at = first; at < first + PLACES; at++) if (words[at] !== 0) yield { at, entry: words[at] };
  }
}
