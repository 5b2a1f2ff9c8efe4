// Where everything lies in a region, in 32-bit words from its start. Each position is derived from the one
// before it.
//
//   page 0      null page: zeros for ever, so that following NULL finds nothing
//   page 1 - 3  identity | extents: lock, counters, three indexes of free extents
//   page 4, 5   bins: one record a size class
//   page 5 - 7  thread slots
//   page 8 ...  page map, then the pages that are handed out
//
// Everything is placed as for the largest size that the region can grow to. Of the page map only what is in use has
// storage: see `Backing`.
//
// [HEAD-1] The null page is all zeros.
// [HEAD-2] The identity words are those that `create` wrote; sizes agree with each other.
// [EXTENT-1] The counters of the extents' table are the numbers of pages and extents of each kind.
// [BACKING-1] The records of all extents' first pages have storage, and those of all pages but unbacked ones.
// [BACKING-2] The range that is written down, if one is, lies behind the tables; the policy and the state of
//              the storage are such as there are.

import { PAGE_SIZE } from '../base/units';
import { MAX_SLOTS } from './block-state';
import { PageRecord } from './page-map';

export const MAGIC_LOW = 0x6d656d76; // "vmem" in little-endian order
export const MAGIC_HIGH = 0x73742d00; // "\0-ts"
/** Of the region format. Regions live no longer than their processes and those that these have forked: there is no migration. */
export const FORMAT_VERSION = 9;
/** Room in the bin table; the number of size classes is at most this. */
export const MAX_CLASSES = 96;

/** Word positions of the identity, which never changes after `create`, and of the state. */
export const enum Identity {
  start = 1024,
  magicLow = start,
  magicHigh,
  version,
  /** Pages of the region at its largest. */
  pages,
  firstDataPage,
  granuleShift,
  classCount,
  /** Bytes that one thread may cache of one size class. */
  cacheBytes,
  slots,
  /** 62 random bits: two regions never have the same. */
  idLow,
  idHigh,
  /** `RegionState`; the only identity word that changes. */
  state,
  end,
}

/** Word positions of what concerns all threads. */
export const enum Calls {
  /**
   * Threads that died without detaching, and long waits for one that lives; each thread compares it with the count it saw
   * last and reaps.
   */
  deaths = 1040,
  /** Two words: the lock of whoever uses the caches of other threads. */
  standstill,
}

/** Word positions of what the backing lock protects: which pages have storage. */
export const enum Backing {
  /** Two words. */
  lock = 1044,
  /** First page of the range whose storage is being allocated or given back, 0 if none is, and its pages. */
  page = lock + 2,
  pages,
  /** Page records that have storage, from that of page 0; those of the tables' own pages are not needed. */
  mapped,
  /** Pages of the page map, from its second on, that never get storage; written once. */
  skipped,
  /** `UsagePolicy`; written once. */
  policy,
  /** A `Storage`. */
  storage,
}

/** Whether what has storage can change; see `StorageState`. */
export const enum Storage {
  own,
  frozen,
  thawed,
  borrowed,
}

/** What happens to free pages. */
export const enum UsagePolicy {
  /** They keep their storage until somebody has it purged. */
  keep,
  /** Where many become free in one place, their storage goes back at once. */
  conservative,
}

export const enum RegionState {
  open = 1,
  closed = 2,
}

/** An index of free extents. */
export const enum FreeIndex {
  /** Bit i: word i of the bitmap has a bit set. */
  summary = 0,
  /** Bit b: list b is not empty. */
  bitmap = summary + 16,
  /** First extent of each list. */
  heads = bitmap + 32,
  lists = 512 + 19 * 16,
  words = heads + lists,
}

/** Word positions of what the extent lock protects. */
export const enum Extents {
  /** Two words; on a cache line of its own. */
  lock = 1056,
  counters = lock + 16,
  freePages = counters,
  largeExtents,
  largePages,
  statePages,
  cachePages,
  unbackedPages,
  unbackedExtents,
  /** First of the unbacked extents. */
  unbacked,
  /** The free extents that lie across the end of the low part, and of the part that can be the heap's own. */
  acrossLow,
  acrossOwn,
  /** The indexes of free extents: of those that begin in the low part, from there to 4 GiB, and behind that. */
  low = counters + 16,
  own = low + FreeIndex.words,
  high = own + FreeIndex.words,
  /** By number of lines of a run, 1 to 15: state pages with a free run. */
  statePageHeads = high + FreeIndex.words,
  end = statePageHeads + 16,
}

/** The record of a size class: what its lock protects. */
export const enum Bin {
  start = 4096,
  words = 16,
  lock = 0,
  /** First of the slabs that have FREE blocks and others. */
  slabs = 2,
  slabCount = 3,
  freeBlocks = 4,
  /** Statistics, since the region was created. */
  refills = 5,
  flushes = 6,
  slabsMade = 7,
  slabsReleased = 8,
  /** The upper halves of these. */
  refillsHigh = 12,
  flushesHigh = 13,
  slabsMadeHigh = 14,
  slabsReleasedHigh = 15,
  /** First of the slabs that have FREE blocks only. */
  emptySlabs = 9,
  emptyCount = 10,
  /** A guess: how much it pays to make this class's slabs shared from the start. */
  sharingScore = 11,
}

/** The record of a thread. */
export const enum Slot {
  start = 4096 + 96 * 16,
  words = 16,
  /** Positive: id of the thread that has it; otherwise `SlotOwner`. */
  owner = 0,
  /** First page of the thread's cache; 0: none. */
  cachePage = 1,
  /** When the thread was started, as its system tells: tells reused ids apart. */
  startTimeLow = 2,
  startTimeHigh = 3,
  /** The thread that the start time is of: a new owner's comes a moment after its id. */
  startTimeOf = 4,
  /** Counts the slot's users: part of their tokens. */
  generation = 5,
  /** A `Busy`. */
  busy = 8,
  /** Two words: the lock of the slot's cache. While somebody has it, the thread has no fast sections. */
  gate = 10,
}

/** What `Slot.busy` says. */
export const enum Busy {
  outside = 0,
  /** The thread is inside a fast section, or died there. */
  inside = 1,
  /** The thread, which is in none, has not cleared yet what its dead predecessor left in the slot. */
  clearing = 2,
}

/** What `Slot.owner` says besides thread ids; below `dead`: minus the token of the thread that reaps the slot. */
export const enum SlotOwner {
  nobody = 0,
  /** A living thread whose id nothing tells. */
  unnamed = 0x7fffffff,
  /** The thread has died and left its cache; stored by its last act or by whoever found out. */
  dead = -1,
}

/** Set in every token, so that minus a token is never a `SlotOwner`, whatever the generation. */
const TOKEN = 1 << 30;
/**
 * What a thread writes into the locks that it has: its slot and the slot's generation, so that no two threads
 * have the same token within 2^22 users of a slot. Positive.
 */
export const tokenOf = (slot: number, generation: number): number =>
  TOKEN | ((generation & 0x3fffff) << 8) | (slot + 1);
/** The slot in a token. */
export const slotOfToken = (token: number): number => (token & 0xff) - 1;
/** Whether a word can be the token of a thread in one of the first `slots` slots. */
export const isToken = (word: number, slots: number): boolean => {
  const slot = slotOfToken(word);
  return word >= TOKEN && slot >= 0 && slot < slots;
};

/** First page of the page map. */
export const PAGE_MAP = 8;
export const PAGE_MAP_WORD = PAGE_MAP * (PAGE_SIZE / 4);
const RECORD_BYTES = PageRecord.words * 4;

// The enums repeat what the constants say: refuse to load if they ever disagree.
if (
  (Extents.end as number) > (Bin.start as number) ||
  (Slot.start as number) !== (Bin.start as number) + MAX_CLASSES * Bin.words ||
  Slot.start + MAX_SLOTS * Slot.words > PAGE_MAP_WORD
) {
  throw new Error('region layout: tables overlap');
}

/** Word position of a bin's record. */
export const binAt = (sizeClass: number): number => Bin.start + sizeClass * Bin.words;
/** Word position of a slot's record. */
export const slotAt = (slot: number): number => Slot.start + slot * Slot.words;

/** First page behind the page map of a region of `pages` pages. */
export function firstDataPageFor(pages: number): number {
  return Math.ceil((PAGE_MAP_WORD + pages * PageRecord.words) / (PAGE_SIZE / 4));
}

/** Pages of the page map that hold the records of the first `records` pages. */
export const mapPagesOf = (records: number): number => Math.ceil((records * RECORD_BYTES) / PAGE_SIZE);

/** Whole page records in the first `mapPages` pages of the page map. */
export const recordsIn = (mapPages: number): number => Math.floor((mapPages * PAGE_SIZE) / RECORD_BYTES);

/** Pages of the page map, from its second on, that hold nothing but records of the tables' own pages. */
export const emptyMapPages = (firstDataPage: number): number =>
  Math.max(0, Math.floor((firstDataPage * RECORD_BYTES) / PAGE_SIZE) - 1);

/** Whether `Backing.mapped` can be this in a region of `pages` pages. */
export const isPlausibleMap = (mapped: number, pages: number): boolean =>
  mapped === pages || (mapped > 0 && mapped < pages && recordsIn(mapPagesOf(mapped)) === mapped);
