// Numbers of kinds, unique among all threads of the process that know each other: from a pointer's upper bits a thread
// finds the kind that it is of.
//
// A kind's pointers are `id * 2^40 + offset`: a pool has less than 2^40 bytes, and 8,191 such ranges fit below 2^53, where
// numbers stop being exact. Which ids are in use stands in a table of shared memory. The first thread that loads this
// module makes it, and its workers and theirs inherit it as environment data (worker_threads, setEnvironmentData). Ids are
// given out in turn, so a stale pointer of a destroyed kind is known for one until 8,190 more kinds have been made.
//
// Workers whose common parent has not loaded the module have a table each, and may give the same id to different kinds.
// That is seen when one of them attaches to the other's kind: the id is in use then, by another kind.

import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { VmemError } from '@vmem-ts/allocator';
import { sharedLength } from '../pool/buffers';

/** Pointers of one kind lie in a range of so many. */
export const KIND_SPAN = 2 ** 40;
export const MAX_KIND_ID = 8191;

/** Changes with the table's layout. */
const KEY = '@vmem-ts/vmem-api kinds 2';

// Word 0: the id that was given out last. Word `id`: the tag of the kind that has it, a random number, 0 while it is free.
// Behind these one byte an id.
const LAST = 0;
const WORDS = MAX_KIND_ID + 1;
const TABLE_BYTES = WORDS * 4 + WORDS;

function inheritedTable(): SharedArrayBuffer | undefined {
  const data: unknown = getEnvironmentData(KEY);
  return sharedLength(data) === TABLE_BYTES ? (data as SharedArrayBuffer) : undefined;
}

function makeTable(): SharedArrayBuffer {
  const made = new SharedArrayBuffer(TABLE_BYTES);
  setEnvironmentData(KEY, made);
  return made;
}

const table = inheritedTable() ?? makeTable();
const tags = new Int32Array(table, 0, WORDS);
const zeroAllocs = new Uint8Array(table, WORDS * 4, WORDS);

/**
 * Whose turn it is. The id itself and no count of ids: 2^32 is no multiple of 8,191, so where a count begins anew ids would come
 * again that were given shortly before.
 */
function nextId(): number {
  for (;;) {
    const last = Atomics.load(tags, LAST);
    const next = ((last >>> 0) % MAX_KIND_ID) + 1;
    if (Atomics.compareExchange(tags, LAST, last, next) === last) return next;
  }
}

/**
 * An id for the kind with that tag.
 * @throws VmemError EAGAIN: there are as many kinds as can be
 */
export function takeKindId(tag: number): number {
  for (let tries = 0; tries < MAX_KIND_ID; tries++) {
    const id = nextId();
    if (Atomics.compareExchange(tags, id, 0, tag) === 0) {
      zeroAllocs[id] = 0;
      return id;
    }
  }
  throw new VmemError('EAGAIN', `there are ${MAX_KIND_ID} kinds, and no more can be; destroy some`);
}

/**
 * Makes sure that `id` stands for the kind with that tag. True if it did not before: then the kind comes from threads
 * with a table of their own, and who gets true frees the id when it leaves the kind.
 *
 * @throws VmemError EEXIST: it stands for another kind
 */
export function claimKindId(id: number, tag: number): boolean {
  const found = Atomics.compareExchange(tags, id, 0, tag);
  if (found === 0) {
    zeroAllocs[id] = 0;
    return true;
  }
  if (found === tag) return false;
  throw new VmemError(
    'EEXIST',
    `another kind has the number ${id} of this one here: the two come from threads without a common parent that has ` +
      'loaded @vmem-ts/vmem-api/memkind; load it in the main thread before workers are started',
  );
}

/** The id is free again, unless it is already. */
export function returnKindId(id: number, tag: number): void {
  Atomics.compareExchange(tags, id, tag, 0);
}

/** Whether the C functions give blocks of size 0 of that kind, in any thread. */
export const allowsZeroAllocs = (id: number): boolean => zeroAllocs[id] === 1;

export function allowZeroAllocs(id: number, isAllowed: boolean): void {
  zeroAllocs[id] = isAllowed ? 1 : 0;
}
