// A hash table that counts keys, in a heap that threads share. Any number of threads add to it at the same time;
// there is no lock in it, so nobody waits, not even for a thread that has died. It grows without rehashing. Keys that
// somebody has chosen to make all hashes equal end up in one chain; whoever must expect that passes a keyed hash.
//
// A table is a block of buckets, and so is what grows out of it:
//
//     root: 4096 buckets, by 12 bits of the hash     0 | entry | table
//                                                                └ 16 buckets, by the next 4 bits: 0 | entry | table
//                                                                                                              └ ...
//
// [1] A bucket changes twice at most: from 0 to an entry when its first key comes, and from that entry to a table of 16
//     buckets, with the entry in one of them, when a second key comes. Growth is that second change: it touches one
//     bucket, never moves an entry, and frees nothing that a reader may be looking at.
// [2] A block is complete before one compareExchange puts it into its bucket, and that is how others come to see it. A
//     thread that was too late frees its block and goes on with the one that won. A thread that is killed in between
//     leaves one block that nobody frees, and a table that is whole.
// [3] An entry changes in its count, by Atomics.add, and once in `next`, where entries whose hashes agree in all 32 bits
//     are chained: from 0 to another entry, as a bucket does.
//
// Buckets and `next` hold *slots* in one word each, because compareExchange works on one word: 0 is nothing, n > 0 the
// entry in granule n, n < 0 the table in granule -n. A granule is 8 bytes, the least alignment of a block, so 31 bits of
// them reach 16 GiB, where byte offsets would end at 2 or 4.

import { VmemError, type Vmem } from '@vmem-ts/vmem-api';

/** What the table needs of a heap. */
export type SharedHeap = Pick<Vmem, 'malloc' | 'calloc' | 'free' | 'buffer' | 'byteOffset' | 'size'>;

/** For `attach` in another thread; can be posted. */
export interface CountTableHandle {
  /** Pointer to the root's buckets. */
  readonly root: number;
}

/** Hash of the bytes from `start` up to `end`, 32 bits. */
export type HashFunction = (bytes: Uint8Array, start: number, end: number) => number;

/** Words of an entry. Its key follows, in the same block. */
const enum Entry {
  /** Low and high half of the count. */
  count,
  countHigh,
  next,
  hash,
  /** Bytes of the key. */
  keyLength,
  words,
}

const WORD_SIZE = 4;
const GRANULE_SIZE = 8;
const GRANULE_WORDS = GRANULE_SIZE / WORD_SIZE;
const KEY_OFFSET = Entry.words * WORD_SIZE;
const LARGEST_HEAP = 2 ** 31 * GRANULE_SIZE;

const HASH_BITS = 32;
const ROOT_BITS = 12;
const TABLE_BITS = 4;
const ROOT_SHIFT = HASH_BITS - ROOT_BITS;

/** Counts are whole numbers that JavaScript represents exactly: less than 2^53, so their high half is less than this. */
const COUNT_HIGH_LIMIT = 2 ** (53 - 32);
const MAX_TIMES = 2 ** 31 - 1;

export class SharedCountTable implements Iterable<[key: string, count: number]> {
  private readonly words: Int32Array;
  private readonly bytes: Buffer;

  private constructor(
    private readonly heap: SharedHeap,
    private root: number,
    private readonly hashOf: HashFunction,
  ) {
    const { buffer, byteOffset, size } = heap;
    this.words = new Int32Array(buffer, byteOffset, Math.floor(size / WORD_SIZE));
    this.bytes = Buffer.from(buffer, byteOffset, size);
  }

  /**
   * An empty table in `heap`.
   *
   * @param hashOf the same function in all threads
   * @throws VmemError ENOMEM; ENOTSUP if the heap is larger than slots can reach
   */
  static create(heap: SharedHeap, hashOf: HashFunction = hashBytes): SharedCountTable {
    requireReachable(heap);
    const root = heap.calloc(2 ** ROOT_BITS, WORD_SIZE);
    if (root === 0) throw new VmemError('ENOMEM', 'no memory for an empty count table');
    return new SharedCountTable(heap, root, hashOf);
  }

  /** The table of `handle`; `heap` is this thread's view of the heap that it is in. */
  static attach(
    heap: SharedHeap,
    handle: CountTableHandle,
    hashOf: HashFunction = hashBytes,
  ): SharedCountTable {
    requireReachable(heap);
    return new SharedCountTable(heap, handle.root, hashOf);
  }

  get handle(): CountTableHandle {
    return { root: this.root };
  }

  /**
   * Counts the key in `bytes`, from `start` up to `end`, `times` times more.
   *
   * @param times 1 to 2^31 - 1
   * @throws VmemError ENOMEM if the key is new and there is no room for it; all keys and counts are as before
   * @throws RangeError if the count reaches 2^53, which numbers don't represent exactly any more
   */
  add(bytes: Uint8Array, start = 0, end = bytes.length, times = 1): void {
    if (!Number.isInteger(times) || times < 1 || times > MAX_TIMES) {
      throw new RangeError(`times: expected a whole number from 1 to ${MAX_TIMES}, got ${times}`);
    }
    const hash = this.hashOf(bytes, start, end);
    const entry = this.find(hash, bytes, start, end);
    if (entry === 0) this.insert(hash, bytes, start, end, times);
    else this.increase(entry, times);
  }

  /** How often the key was counted; up to date for everything that happened before this call. */
  get(bytes: Uint8Array, start = 0, end = bytes.length): number {
    const entry = this.find(this.hashOf(bytes, start, end), bytes, start, end);
    return entry === 0 ? 0 : this.countOf(entry);
  }

  /**
   * All keys, which must be UTF-8, with their counts. While other threads add, a key that came after the iteration
   * began may be missing, and counts are those of the moment.
   */
  *[Symbol.iterator](): Generator<[key: string, count: number]> {
    for (const slot of this.slots()) {
      if (slot < 0) continue;
      const key = slot * GRANULE_SIZE + KEY_OFFSET;
      const keyLength = this.words[slot * GRANULE_WORDS + Entry.keyLength];
      yield [this.bytes.toString('utf8', key, key + keyLength), this.countOf(slot)];
    }
  }

  /** Frees all blocks of the table. No thread may use it any more. */
  dispose(): void {
    for (const slot of this.slots()) this.freeSlot(slot);
    this.root = 0;
  }

  /** The entry of the key, 0 if there is none. */
  private find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const { words } = this;
    // acquires the entry or table that the bucket leads to; partner: the compareExchange in `publish`
    let slot = Atomics.load(words, this.rootBucket(hash));
    for (let shift = ROOT_SHIFT; slot < 0;) {
      shift -= TABLE_BITS;
      // acquires, as above
      slot = Atomics.load(words, bucketOf(slot, hash, shift));
    }
    while (slot > 0 && !this.isEntryOf(slot, hash, bytes, start, end)) {
      // acquires, as above
      slot = Atomics.load(words, slot * GRANULE_WORDS + Entry.next);
    }
    return slot;
  }

  private insert(hash: number, bytes: Uint8Array, start: number, end: number, times: number): void {
    const fresh = this.makeEntry(hash, bytes, start, end, times);
    let bucket = this.rootBucket(hash);
    for (let shift = ROOT_SHIFT; ;) {
      let slot = this.publish(bucket, 0, fresh);
      if (slot === 0) return;
      if (slot > 0) {
        if (this.isEntryOf(slot, hash, bytes, start, end)) {
          this.freeSlot(fresh);
          this.increase(slot, times);
          return;
        }
        if (shift === 0) {
          bucket = slot * GRANULE_WORDS + Entry.next;
          continue;
        }
        slot = this.split(bucket, slot, shift - TABLE_BITS);
        if (slot === 0) {
          this.freeSlot(fresh);
          throw new VmemError('ENOMEM', 'no memory for more buckets of the count table');
        }
      }
      shift -= TABLE_BITS;
      bucket = bucketOf(slot, hash, shift);
    }
  }

  /** Puts a table in place of the entry in `bucket`; the slot of the table that is there now, 0 if memory is out. */
  private split(bucket: number, entry: number, shift: number): number {
    const ptr = this.heap.calloc(2 ** TABLE_BITS, WORD_SIZE);
    if (ptr === 0) return 0;
    const table = -ptr / GRANULE_SIZE;
    this.words[bucketOf(table, this.words[entry * GRANULE_WORDS + Entry.hash], shift)] = entry;
    const found = this.publish(bucket, entry, table);
    if (found === entry) return table;
    this.freeSlot(table);
    return found; // another thread has split the bucket: by [1] it holds a table
  }

  /** Puts `slot` into the bucket if that holds `expected`; what the bucket held. */
  private publish(bucket: number, expected: number, slot: number): number {
    // publishes the block, all of which was written before; partner: the loads in `find`, and this where it fails
    return Atomics.compareExchange(this.words, bucket, expected, slot);
  }

  private makeEntry(hash: number, bytes: Uint8Array, start: number, end: number, times: number): number {
    const { words } = this;
    const ptr = this.heap.malloc(KEY_OFFSET + end - start);
    if (ptr === 0) throw new VmemError('ENOMEM', 'no memory for a new key of the count table');
    const entry = ptr / GRANULE_SIZE;
    const at = entry * GRANULE_WORDS;
    words[at + Entry.count] = times;
    words[at + Entry.countHigh] = 0;
    words[at + Entry.next] = 0;
    words[at + Entry.hash] = hash;
    words[at + Entry.keyLength] = end - start;
    for (let i = start, to = ptr + KEY_OFFSET; i < end; i++, to++) this.bytes[to] = bytes[i];
    return entry;
  }

  private isEntryOf(entry: number, hash: number, bytes: Uint8Array, start: number, end: number): boolean {
    const at = entry * GRANULE_WORDS;
    if (this.words[at + Entry.hash] !== (hash | 0)) return false;
    if (this.words[at + Entry.keyLength] !== end - start) return false;
    for (let i = start, from = entry * GRANULE_SIZE + KEY_OFFSET; i < end; i++, from++) {
      if (this.bytes[from] !== bytes[i]) return false;
    }
    return true;
  }

  private increase(entry: number, times: number): void {
    const at = entry * GRANULE_WORDS + Entry.count;
    // publishes nothing but the count, and the carry is made by whichever thread's addition wrapped the low half
    const low = Atomics.add(this.words, at, times) >>> 0;
    if (low + times < 2 ** 32) return;
    // the same for the high half
    if (Atomics.add(this.words, at + 1, 1) + 1 >= COUNT_HIGH_LIMIT) {
      throw new RangeError('a count has reached 2^53: numbers do not represent it exactly any more');
    }
  }

  /** Exact when no thread is adding; before that, it may lack a carry of 2^32 that is on its way. */
  private countOf(entry: number): number {
    const at = entry * GRANULE_WORDS + Entry.count;
    // read what `increase` has added
    return Atomics.load(this.words, at + 1) * 2 ** 32 + (Atomics.load(this.words, at) >>> 0);
  }

  /** Every entry and table; what hangs on a slot is noted before the slot is handed out, so that one may free it. */
  private *slots(): Generator<number> {
    const { words } = this;
    if (this.root === 0) return;
    const rest: number[] = [];
    const note = (first: number, count: number): void => {
      for (let i = first; i < first + count; i++) {
        const slot = Atomics.load(words, i); // acquires, as in `find`
        if (slot !== 0) rest.push(slot);
      }
    };
    note(this.root / WORD_SIZE, 2 ** ROOT_BITS);
    yield -this.root / GRANULE_SIZE;
    for (let slot = rest.pop(); slot !== undefined; slot = rest.pop()) {
      if (slot < 0) note(-slot * GRANULE_WORDS, 2 ** TABLE_BITS);
      else note(slot * GRANULE_WORDS + Entry.next, 1);
      yield slot;
    }
  }

  private rootBucket(hash: number): number {
    if (this.root === 0) throw new VmemError('ECLOSED', 'the count table was disposed of');
    return this.root / WORD_SIZE + (hash >>> ROOT_SHIFT);
  }

  private freeSlot(slot: number): void {
    this.heap.free(Math.abs(slot) * GRANULE_SIZE);
  }
}

/** Index of the word for `hash` in a table below the root. */
function bucketOf(table: number, hash: number, shift: number): number {
  return -table * GRANULE_WORDS + ((hash >>> shift) & (2 ** TABLE_BITS - 1));
}

function requireReachable({ size }: SharedHeap): void {
  if (size <= LARGEST_HEAP) return;
  throw new VmemError('ENOTSUP', `a count table reaches ${LARGEST_HEAP} bytes of heap (16 GiB), not ${size}`);
}

/** FNV-1a, and the end of MurmurHash3 so that all 32 bits depend on all bytes. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
