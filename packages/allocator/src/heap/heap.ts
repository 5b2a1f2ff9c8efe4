// The heap as a caller sees it. malloc and free of small blocks stay on this screen as long as this thread's
// cache can serve them; everything else is one call away:
//
//   malloc ── pop from the stack of the class
//     └ mallocSlow ── large: pop from the stack of runs of its length
//         └ SlowMalloc
//             ├ large ── LargeBlocks.allocate ── ExtentAllocator.take
//             └ small ── ThreadCache.take ── Bins.takeBlocks ── SlabPages.add ── ExtentAllocator.take, StateStore.take
//   free ── push on the stack of the class
//     └ freeSlow ── large: push on the stack of runs of its length
//         ├ freeShared: a block that other threads may free, too
//         └ SlowFree.prepare
//             ├ large: LargeBlocks.free ── ExtentAllocator.release
//             ├ ThreadCache.makeRoom ── Bins.returnBlocks ── releaseEmpty ── ExtentAllocator.release
//             └ Bins.share: the first free of another thread's block in a slab
//
// The two stretches between the stores to `busy` are fast sections: see `fast-sections` and `standstill`.

import { VmemError, describe } from '../base/errors';
import { LINE_SHIFT, PAGE_SHIFT, PAGE_SIZE, asSizeClass } from '../base/units';
import { SCARCE_SHIFT } from '../extent/extent-allocator';
import { cachedBy, isLive, liveIn } from '../layout/block-state';
import { PageKind, PageRecord, SlabWord, cachedRunTag, tagOf } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Calls, Extents, Identity, PAGE_MAP_WORD, Slot, slotAt } from '../layout/region-layout';
import { ENTRY, LONGEST_RUN, SHORTEST_RUN } from '../layout/thread-cache-layout';
import { liveClassOf, pageOfPointer } from '../slab/block-lookup';
import {
  CLASS_COUNT,
  CLASS_RECIPROCAL,
  CLASS_SIZE,
  MAX_SLAB_BLOCK,
  QUANTUM,
  alignedClassFor,
  classTable,
} from '../slab/size-classes';
import {
  handleFields,
  hostOption,
  regionOf,
  requireAlignment,
  requireSize,
  requireStorage,
  sourceOption,
} from './arguments';
import { Attachment } from './attachment';
import { blocksOf, takeSnapshot } from './block-snapshot';
import { blockAt, isBlock, type LiveBlock } from './blocks';
import { checkHeap } from './check/check';
import type { CheckReport } from './check/report';
import type { HeapCore } from './core';
import { DETACHED } from './heap-id';
import type { HeapHandle, HeapMemory, HeapOptions } from './heap-options';
import { Many } from './many';
import { countOf, requireLength, requireOutside, wordsOf, type PointerArray } from './pointer-arrays';
import { enterHeap, makeHeap, type Membership } from './membership';
import { resizePages } from './page-resize';
import { pointerOfView } from './pointers';
import {
  disown,
  storedRanges,
  whileResting,
  type RestingHeap,
  type StorageState,
  type StoredRange,
} from './rest';
import { reclaim } from './reclaim';
import { Relocation } from './relocation';
import { SlowFree } from './slow-free';
import { SlowMalloc } from './slow-malloc';
import { collectStats, type HeapStats } from './stats';
import { bytesOf, type TypedArrayConstructor } from './typed-arrays';

// Constants of this module are constants to V8's compiler; properties of another module's exports are not.
const BLOCK_SIZE = CLASS_SIZE;
const RECIPROCAL = CLASS_RECIPROCAL;
const SCARCE = SCARCE_SHIFT;
const { imul } = Math;

/**
 * What malloc and free use as literals: V8 inlines them into a caller while their bytecode is short, and a literal takes
 * half as much of it as a constant does.
 */
const enum Literal {
  pageShift = 12,
  pageMask = 4095,
  lineShift = 6,
  pageMap = 8192,
  entry = 2,
  smallLimit = 16384,
  /** From a slot's busy flag to its gate. */
  gate = 2,
}
if (
  (Literal.pageShift as number) !== PAGE_SHIFT ||
  Literal.pageMask + 1 !== PAGE_SIZE ||
  (Literal.lineShift as number) !== LINE_SHIFT ||
  (Literal.pageMap as number) !== PAGE_MAP_WORD ||
  (Literal.entry as number) !== ENTRY ||
  (Literal.smallLimit as number) !== MAX_SLAB_BLOCK ||
  Slot.busy + Literal.gate !== (Slot.gate as number)
) {
  throw new Error('heap: a literal differs from the constant that it stands for');
}

const LARGE_TAG = tagOf(PageKind.large, 0);
const FIRST_RUN_STACK = CLASS_COUNT;
/** Part of the region that one thread's cache may hold in runs of pages. */
const RUN_SHARE = 1 / 8;

/** Other threads may be in the way of a free, each time for a moment; more often than that, it is no thread. */
const MOST_LOOKS = 10_000;

/**
 * malloc and free over a region of memory that threads share. Pointers are byte offsets from the region's
 * start; 0 is NULL. Blocks are aligned to the largest power of two that divides their usable size, at least
 * 8 and at most 4096; blocks of more than 16 KiB to 4096 bytes.
 *
 * `malloc`, `calloc`, `realloc` and `alignedAlloc` return 0 when memory is out. All methods throw `VmemError`
 * with EINVAL for an argument that is no size or count, EBADPTR for a number that points to no block,
 * EDOUBLEFREE for a block that is not live any more, ECLOSED after `detach` or `close`, ECORRUPT where the
 * region contradicts itself.
 */
export class Heap {
  // What the fast paths read. After `detach` these make every fast path fail.
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly pages: number;
  private readonly granuleShift: number;
  private readonly granuleSize: number;
  private readonly pageGranuleShift: number;
  private readonly classOf: Uint8Array;
  private readonly live: number;
  private readonly cached: number;
  /** Half of the heap's id: the memory of a closed heap may hold another one. */
  private id: number;
  /** Word of this thread's flag "inside a fast section". */
  private readonly busy: number;
  /** Word of the tops of this thread's cache. */
  private readonly tops: number;
  /** Word that counts the pages of the runs in this thread's cache. */
  private readonly runPages: number;
  private readonly cachedRun: number;
  private readonly mostRunPages: number;
  private readonly dataPages: number;

  private readonly region: Region;
  private readonly core: HeapCore;
  private deathWatch: Membership['deathWatch'];
  private readonly attachment: Attachment;
  private readonly slowMalloc: SlowMalloc;
  private readonly slowFree: SlowFree;
  private isMember = true;
  private deathsSeen: number;
  private many: Many | undefined;
  private relocation: Relocation | undefined;

  private constructor({ region, core, cache, deathWatch }: Membership) {
    this.region = region;
    this.core = core;
    this.deathWatch = deathWatch;
    this.i32 = region.i32;
    this.u8 = region.u8;
    this.granuleShift = region.granuleShift;
    this.granuleSize = 1 << region.granuleShift;
    this.pages = region.pages | 0;
    this.pageGranuleShift = PAGE_SHIFT - region.granuleShift;
    this.classOf = classTable(this.granuleSize);
    this.live = liveIn(core.slot);
    this.cached = cachedBy(core.slot);
    this.id = region.openedAs[0];
    this.busy = slotAt(core.slot) + Slot.busy;
    this.tops = cache.tops;
    this.runPages = cache.tops + core.cacheLayout.runPages - core.cacheLayout.tops;
    this.cachedRun = cachedRunTag(core.slot, 0);
    this.dataPages = this.pages - region.firstDataPage;
    this.mostRunPages = Math.floor(region.pages * RUN_SHARE);
    this.attachment = new Attachment(region, cache);
    this.slowMalloc = new SlowMalloc(core, this.attachment);
    this.slowFree = new SlowFree(core, this.attachment);
    this.deathsSeen = region.i32[Calls.deaths];
    this.many = undefined;
    this.relocation = undefined;
  }

  /**
   * Makes a heap in `memory`; what was there is lost. The calling thread is attached.
   * @throws VmemError EINVAL if the memory is too small (256 KiB), too large (480 GiB) or starts at an offset that
   * is no multiple of 8
   */
  static create(memory: HeapMemory, options: HeapOptions = {}): Heap {
    const members = { host: hostOption(options), source: sourceOption(options) };
    const region = regionOf(memory);
    return enterHeap(region, makeHeap(region, options, members.source), members, Heap.of);
  }

  /**
   * Attaches the calling thread to the heap of `handle`.
   * @throws VmemError EINVAL if it is no handle; ECLOSED if its heap was deleted; EAGAIN if as many threads are
   * attached as the heap was made for; ENOMEM if no memory is left for this thread's cache
   */
  static attach(handle: HeapHandle, options: Pick<HeapOptions, 'host' | 'source'> = {}): Heap {
    const { buffer, byteOffset, size, id } = handleFields(handle);
    const members = { host: hostOption(options), source: sourceOption(options) };
    const region = regionOf(buffer, byteOffset, size);
    return enterHeap(region, region.validate(CLASS_COUNT, id), members, Heap.of);
  }

  /**
   * What has storage in a copy of the heap's memory that was made while it rested (`atRest`), range by range: each must be
   * in the handle's buffer, which is all zeros at first, before the next one is asked for.
   * @throws VmemError EINVAL, ECLOSED, ECORRUPT
   */
  static storedRanges(handle: HeapHandle): Generator<StoredRange, undefined, undefined> {
    const { buffer, byteOffset, size } = handleFields(handle);
    return storedRanges(regionOf(buffer, byteOffset, size));
  }

  /**
   * Attaches the calling thread, as the first one, to a copy of the heap's memory that was made while it rested. No other
   * thread is attached to the copy: what those had cached goes back, and blocks stay live.
   *
   * @param storage `own` if the storage is the copy's own, and changes as it did; `borrowed` if it belongs to the heap that
   * the copy is of
   * @throws VmemError as `attach`
   */
  static adopt(
    handle: HeapHandle,
    storage: Extract<StorageState, 'own' | 'borrowed'>,
    options: Pick<HeapOptions, 'host' | 'source'> = {},
  ): Heap {
    const { buffer, byteOffset, size, id } = handleFields(handle);
    const members = { host: hostOption(options), source: sourceOption(options) };
    requireStorage(storage);
    const region = regionOf(buffer, byteOffset, size);
    const geometry = region.validate(CLASS_COUNT, id);
    disown(region, geometry.slots, storage);
    return enterHeap(region, geometry, members, Heap.of);
  }

  private static readonly of = (membership: Membership): Heap => new Heap(membership);

  /** What another thread attaches by; can be posted if the memory is shared. */
  get handle(): HeapHandle {
    const { region } = this;
    return { buffer: region.buffer, byteOffset: region.byteOffset, size: region.size, id: region.openedAs };
  }

  /** The memory that the heap lies in. */
  get buffer(): SharedArrayBuffer | ArrayBuffer {
    return this.region.buffer;
  }

  /** Where the region starts in `buffer`: pointers count from there. */
  get byteOffset(): number {
    return this.region.byteOffset;
  }

  /** Bytes of the region: the most that the heap can have. */
  get size(): number {
    return this.region.size;
  }

  /** False after `detach` here or `close` in any thread. */
  get isOpen(): boolean {
    return this.attachment.isOpen;
  }

  /** Pointer to a new block of at least `size` bytes, contents undefined; 0 when memory is out. malloc(3) */
  malloc(size: number): number {
    if (typeof size === 'number' && size >>> 0 === size && size <= Literal.smallLimit) {
      const { i32, u8, busy } = this;
      const at = this.tops + (this.classOf[(size + 7) >>> 3] << 1);
      if (i32[Identity.idLow] === this.id) {
        i32[busy] = 1;
        const top = i32[at];
        const state = i32[top - 1] >>> 0;
        if (u8[state] === this.cached && i32[busy + Literal.gate] === 0) {
          u8[state] = this.live;
          i32[at] = top - Literal.entry;
          i32[busy] = 0;
          return i32[top - Literal.entry] * this.granuleSize;
        }
        i32[busy] = 0;
      }
    }
    return this.mallocSlow(size);
  }

  /**
   * Gives the block at `ptr` back, or the block of a view that `alloc` made. free(0) does nothing. free(3)
   */
  free(ptr: number | ArrayBufferView): void {
    // pointers from 2 GiB on take the way of shared blocks, which costs them a call
    if (typeof ptr === 'number' && (ptr | 0) === ptr) {
      const page = ptr >> Literal.pageShift;
      const { i32, u8, busy } = this;
      if (page >>> 0 < this.pages && i32[Identity.idLow] === this.id) {
        i32[busy] = 1;
        const record = Literal.pageMap + page * PageRecord.words;
        const word = i32[record + PageRecord.division];
        if (word >= SlabWord.slab) {
          const sizeClass = word & SlabWord.sizeClass;
          const offset = (ptr & Literal.pageMask) + (word & SlabWord.pageOffset);
          const index = imul(offset, RECIPROCAL[sizeClass]) >>> 16;
          const state = ((i32[record + PageRecord.stateLine] << Literal.lineShift) + index) >>> 0;
          const at = this.tops + (sizeClass << 1);
          const top = i32[at];
          if (
            imul(index, BLOCK_SIZE[sizeClass]) === offset &&
            u8[state] === this.live &&
            top < i32[at + 1] &&
            i32[busy + Literal.gate] === 0
          ) {
            i32[top] = ptr >> this.granuleShift;
            i32[top + 1] = state;
            u8[state] = this.cached;
            i32[at] = top + Literal.entry;
            i32[busy] = 0;
            return;
          }
        }
        i32[busy] = 0;
      }
    }
    this.freeSlow(ptr);
  }

  /** Pointer to a new block of `count * size` bytes, all zero; 0 when memory is out. calloc(3) */
  calloc(count: number, size: number): number {
    requireSize('count', count);
    requireSize('size', size);
    const bytes = count * size;
    if (bytes > MAX_SLAB_BLOCK) return bytes > this.region.size ? this.outOfReach() : this.largeCalloc(bytes);
    const ptr = this.malloc(bytes);
    if (ptr !== 0) this.u8.fill(0, ptr, this.endOf(ptr, bytes));
    return ptr;
  }

  /**
   * Changes the size of the block at `ptr`; contents are kept up to the smaller size. Returns its pointer, or 0 when
   * memory is out (the old block stays). realloc(0, n) is malloc(n); realloc(ptr, 0) is free(ptr) and returns 0.
   *
   * The block stays in its place if it has the room and at least half of that will be used; a block of whole pages also
   * if the pages behind it are free, or the heap has to grow and can do so there, and it gives back those that it does not
   * need. Otherwise the contents move to a new block. A block that only shrinks never fails: without memory for a smaller
   * one it stays. realloc(3)
   */
  realloc(ptr: number, size: number): number {
    requireSize('size', size);
    if (ptr === 0) return this.malloc(size);
    const old = this.usableSize(ptr);
    if (size === 0) {
      this.free(ptr);
      return 0;
    }
    const isInSlab = liveClassOf(this.region, ptr) >= 0;
    const isWellUsed =
      size <= old && (2 * size >= old || (size <= MAX_SLAB_BLOCK && this.blockSizeFor(size) >= old));
    if (isInSlab ? isWellUsed : (isWellUsed || size > MAX_SLAB_BLOCK) && this.resize(ptr, old, size))
      return ptr;
    const moved = this.malloc(size);
    if (moved === 0) {
      // by now the caches are empty, and there may be free pages behind the block
      const isDone = !isInSlab && this.resize(ptr, old, size);
      return isDone || size <= old ? ptr : 0;
    }
    this.endOf(moved, size);
    this.u8.copyWithin(moved, ptr, ptr + Math.min(old, size));
    this.leaveFor(moved, ptr);
    return moved;
  }

  /**
   * Pointer to a new block of at least `size` bytes at a multiple of `alignment` (a power of two; offsets count
   * from the region's start); 0 when memory is out. aligned_alloc(3)
   */
  alignedAlloc(alignment: number, size: number): number {
    requireAlignment(alignment);
    requireSize('size', size);
    if (Math.max(size, alignment) > this.region.size) return this.outOfReach();
    const sizeClass = alignedClassFor(size, alignment, this.classOf);
    if (sizeClass >= 0) return this.malloc(CLASS_SIZE[sizeClass]);
    if (size > MAX_SLAB_BLOCK && alignment <= PAGE_SIZE) return this.malloc(size); // may have a run in the cache
    return this.slowMalloc.large(Math.max(size, 1), alignment);
  }

  /**
   * Moves the block at `ptr` to where it makes for less fragmentation, and returns its new pointer; 0 if it stays. A block
   * of up to 16 KiB moves from a slab that is emptier than those of its size are on the average to one that is fuller, so
   * that the former becomes empty; a larger one to free pages at a lower address, of at least the same alignment. The heap
   * does not grow for it.
   */
  relocate(ptr: number): number {
    const size = this.usableSize(ptr);
    if (size === 0) return 0;
    this.reapIfAsked();
    const relocation = (this.relocation ??= new Relocation(this.core));
    const moved = this.attachment.explaining(() => relocation.placeFor(ptr, size));
    if (moved === 0) return 0;
    this.endOf(moved, size);
    this.u8.copyWithin(moved, ptr, ptr + size);
    this.leaveFor(moved, ptr, () => this.attachment.explaining(() => relocation.giveBack(ptr)));
    this.attachment.explaining(() => {
      this.core.backing.settle();
    });
    return moved;
  }

  /**
   * Writes pointers to `count` new blocks of at least `size` bytes to the start of `out`, contents undefined, and returns
   * how many there are: fewer than `count` when memory is out, or when something else ends the work after the first one, such
   * as an element of an array that can't be written. Those are the caller's, like those of as many calls of `malloc`. What
   * the caches can't serve is taken from slabs under one lock, and each block costs about what it does in a loop that V8 has
   * compiled well.
   *
   * @param out a Float64Array; a Uint32Array or Int32Array for a heap of at most 4 or 2 GiB; or an array, which grows as
   * needed. May lie in a block of this heap
   * @throws VmemError EINVAL also if `out` is too short, can't be written, or can't hold every pointer of the heap
   */
  mallocMany(size: number, count: number, out: PointerArray): number {
    requireSize('size', size);
    requireSize('count', count);
    const { region } = this;
    this.attachment.require();
    const words = wordsOf('out', out, region);
    if (words !== undefined) {
      requireLength('out', words, count);
      requireOutside('out', words, count, region);
    }
    this.reapIfAsked();
    if (size > region.size) return this.outOfReach();
    const many = this.requireMany();
    return this.attachment.explaining(() =>
      words === undefined ? many.takeInto(size, count, out as number[]) : many.take(size, count, words),
    );
  }

  /**
   * Frees the first `count` blocks of `ptrs`, or all; zeros in it are passed over. The array is only read.
   *
   * At the first pointer that `free` would refuse it stops: the blocks before that one are freed, those behind it not, and
   * the error's `index` tells where it is.
   *
   * @param ptrs as for `mallocMany`; its elements are pointers only, no views
   * @throws VmemError EBADPTR, EDOUBLEFREE as `free`; EINVAL
   */
  freeMany(ptrs: PointerArray, count?: number): void {
    this.attachment.require();
    const words = wordsOf('ptrs', ptrs, this.region);
    const end = countOf('ptrs', ptrs, words, count);
    const many = this.requireMany();
    this.attachment.explaining(() => {
      try {
        if (words === undefined) many.giveFrom(ptrs as number[], end);
        else many.give(words, end);
      } finally {
        this.core.backing.settle();
      }
    });
  }

  /** True if `ptr` points to the start of a live block of this heap. Any value may be asked about. */
  contains(ptr: unknown): boolean {
    this.attachment.require();
    return isBlock(this.region, ptr);
  }

  /**
   * The live block that the byte at `ptr` belongs to, or undefined. For a pointer into a large block this takes the longer
   * the further inside it is: a few nanoseconds a page.
   */
  blockAt(ptr: number): LiveBlock | undefined {
    this.attachment.require();
    return blockAt(this.region, ptr);
  }

  /**
   * All blocks that are live at the moment of the call, by address; blocks that wait in caches or slabs are not among them.
   * They are written down at a standstill, which keeps all threads waiting for some milliseconds where there are millions,
   * and takes a byte for each; going through them then locks nothing and sees no change, and may be left at any time.
   */
  blocks(): IterableIterator<LiveBlock> {
    this.attachment.require();
    this.reapIfAsked();
    return this.attachment.watching(() => blocksOf(takeSnapshot(this.core)));
  }

  /** Bytes that the live block at `ptr` has room for. malloc_usable_size(3); 0 for NULL */
  usableSize(ptr: number): number {
    this.attachment.require();
    if (ptr === 0) return 0;
    const size = this.liveSize(ptr);
    if (size < 0) {
      throw this.attachment.explained(
        this.attachment.refusalOf(ptr) ??
          new VmemError('EDOUBLEFREE', `pointer ${ptr}: the block there was freed`),
      );
    }
    return size;
  }

  /**
   * A view of `length` elements on a new block; `free` takes it. Contents undefined.
   * @throws VmemError ENOMEM when memory is out
   */
  alloc<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, length: number): T {
    const bytes = bytesOf(Type, length);
    const ptr = bytes > this.region.size ? this.outOfReach() : this.malloc(bytes);
    if (ptr === 0) {
      throw new VmemError('ENOMEM', `no ${bytes} bytes left in the heap of ${this.region.size} bytes`);
    }
    this.endOf(ptr, bytes);
    try {
      return new Type(this.region.buffer, this.region.byteOffset + ptr, length) as T;
    } catch (error) {
      // a subclass of the caller's refused to be constructed; it may have freed the block, too
      if (isBlock(this.region, ptr)) this.free(ptr);
      throw error;
    }
  }

  /**
   * A view of `length` elements on the live block at `ptr`.
   * @throws VmemError EINVAL if the block is too short for them
   */
  view<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, ptr: number, length: number): T {
    const bytes = bytesOf(Type, length);
    const usable = ptr === 0 ? -1 : this.usableSize(ptr);
    if (usable < 0) throw new VmemError('EBADPTR', 'a view on NULL was asked for');
    if (bytes > usable) {
      throw new VmemError('EINVAL', `a view of ${bytes} bytes does not fit the block's ${usable} bytes`);
    }
    return new Type(this.region.buffer, this.region.byteOffset + ptr, length) as T;
  }

  /**
   * 1: consistent; 0: not. (The type's -1 is `vmem_check`'s: could not be checked.) All threads wait while what describes the
   * heap is copied, for some milliseconds; in a heap of more than a GiB, or a damaged one, for the whole check. vmem_check(3)
   * @throws VmemError ECLOSED
   */
  check(): 1 | 0 | -1 {
    return this.checkReport().result;
  }

  /** The same with everything that was found. */
  checkReport(): CheckReport {
    this.attachment.require();
    return this.attachment.watching(() => checkHeap(this.core));
  }

  /** Figures of this moment, which add up; taken at a standstill. malloc_info(3) */
  stats(): HeapStats {
    this.attachment.require();
    this.reapIfAsked();
    return this.attachment.watching(() => collectStats(this.core));
  }

  /**
   * Gives the storage of free pages back, after emptying the caches of all threads: runs of at least 64 KiB, the longest
   * first, and what lies between such that have none; 4,096 holes at most. They get storage again when they are needed;
   * if there is none then, memory is out. Returns the bytes; 0 without a `source`.
   */
  purge(): number {
    this.attachment.require();
    this.reapIfAsked();
    return this.attachment.explaining(() => {
      reclaim(this.core);
      return this.core.backing.purge();
    });
  }

  /**
   * Runs `action` while the heap rests: no thread is inside a call, and what the memory holds is a heap by itself, for
   * `adopt`. Whatever else threads write to blocks they may go on writing. `action` can't use this heap object, and must not
   * use the heap by others.
   * @throws VmemError EINVAL if `action` is no function; EBUSY inside of it
   */
  atRest<T>(action: (heap: RestingHeap) => T): T {
    if (typeof action !== 'function') {
      throw new VmemError('EINVAL', `action: expected a function, got ${describe(action)}`);
    }
    const cache = this.attachment.require();
    this.reapIfAsked();
    return this.attachment.explaining(() =>
      whileResting(this.core, (heap) => {
        const { id } = this;
        this.leave();
        this.attachment.rest();
        try {
          return action(heap);
        } finally {
          this.attachment.resume(cache);
          this.id = id;
          this.many = undefined;
        }
      }),
    );
  }

  /** This thread is done: its cached blocks go back. The heap object is of no more use; blocks stay live. */
  detach(): void {
    const { core, region } = this;
    if (!this.isMember) return;
    if (this.attachment.isResting) throw this.attachment.closedError();
    this.leave();
    try {
      // an exception may end this anywhere (the stack is full); then it can be done again
      if (region.isOpen) core.recovery.returnCache(core.slot, false);
      if (region.isOpen) core.backing.settle();
      this.unwatch();
      if (region.isOpen) core.slots.release(core.slot);
    } catch (error) {
      // of a heap that is closed meanwhile nothing is left to give back
      if (region.isOpen) throw error;
      this.unwatch();
    }
    this.isMember = false;
  }

  /**
   * Ends the heap for all threads: every later use of it gives ECLOSED, and the memory may be used for something
   * else once no thread is inside a call. Returns true in the one thread whose call ended it.
   *
   * @param vanishing the caller replaces the memory by zeros at once, so it need not be wiped
   */
  close(vanishing = false): boolean {
    const { region } = this;
    if (this.attachment.isResting) throw this.attachment.closedError();
    this.leave();
    this.unwatch();
    if (!region.isOpen || !region.close()) return false;
    region.i32[Identity.idLow] = 0; // no fast section begins any more
    this.core.backing.awaitChange(); // nor does a change of storage; one under way is over now
    if (vanishing) return true;
    this.core.sections.awaitOthers();
    // without a page map no pointer is valid, whatever another thread still holds
    region.wipeMap();
    return true;
  }

  /** Makes every fast path fail. */
  private leave(): void {
    this.many?.leave();
    this.attachment.end();
    this.id = DETACHED;
  }

  private requireMany(): Many {
    const cache = this.attachment.require();
    this.many ??= new Many(this.core, cache, this);
    return this.many;
  }

  private unwatch(): void {
    this.deathWatch?.cancel();
    this.deathWatch = undefined;
  }

  /** Frees the block at `ptr`, whose contents have moved, by `give`, or by `free` where that can't. */
  private leaveFor(moved: number, ptr: number, give?: () => boolean): void {
    try {
      if (give?.() !== true) this.free(ptr);
    } catch (error) {
      // another thread has freed the block meanwhile: the caller hears so, and has no other one instead
      if (error instanceof VmemError && /^(EDOUBLEFREE|EBADPTR)$/.test(error.code)) this.free(moved);
      throw error;
    }
  }

  /**
   * What `malloc` can't do on its own. Like `freeSlow` it is in one piece on purpose: V8 inlines no function this long,
   * which leaves its budget to `malloc` and `free` themselves.
   */
  private mallocSlow(size: number): number {
    const { i32, busy } = this;
    if (
      typeof size === 'number' &&
      size > MAX_SLAB_BLOCK &&
      size <= LONGEST_RUN * PAGE_SIZE &&
      size >>> 0 === size
    ) {
      // a fast section: a large block from this thread's cache
      const pages = (size + (PAGE_SIZE - 1)) >>> PAGE_SHIFT;
      const at = this.tops + 2 * (FIRST_RUN_STACK + pages - SHORTEST_RUN);
      if (i32[Identity.idLow] === this.id) {
        i32[busy] = 1;
        const top = i32[at];
        const granule = i32[top - ENTRY];
        const record = PAGE_MAP_WORD + imul(granule >>> this.pageGranuleShift, PageRecord.words);
        if (i32[record] === this.cachedRun + pages && i32[busy + Literal.gate] === 0) {
          i32[record] = LARGE_TAG + pages;
          i32[this.runPages] -= pages;
          i32[at] = top - ENTRY;
          i32[busy] = 0;
          return granule * this.granuleSize;
        }
        i32[busy] = 0;
      }
    }
    requireSize('size', size);
    this.attachment.require();
    this.reapIfAsked();
    if (size > MAX_SLAB_BLOCK) return this.slowMalloc.large(size, 1);
    const sizeClass = asSizeClass(this.classOf[(size + QUANTUM - 1) >>> 3]);
    return this.slowMalloc.small(sizeClass);
  }

  /** Leaves pages alone that are known to be zero: what is not touched takes no memory. */
  private largeCalloc(bytes: number): number {
    const { large } = this.core;
    large.zeroFrom = large.zeroTo = 0; // malloc may have a block in its cache
    const ptr = this.malloc(bytes);
    if (ptr === 0) return 0;
    const end = this.endOf(ptr, bytes);
    const from = large.zeroFrom === large.zeroTo ? end : Math.min(large.zeroFrom, end);
    this.u8.fill(0, ptr, from);
    if (large.zeroTo < end && from < end) this.u8.fill(0, large.zeroTo, end);
    return ptr;
  }

  /** Changes the length of the block of whole pages at `ptr`, in its place; false if that can't be. */
  private resize(ptr: number, old: number, size: number): boolean {
    return this.attachment.explaining(() => resizePages(this.core, ptr, old, size));
  }

  /** What `free` can't do on its own; see `mallocSlow`. */
  private freeSlow(ptr: number | ArrayBufferView): void {
    if (typeof ptr !== 'number') {
      this.attachment.require();
      this.free(this.attachment.explaining(() => pointerOfView(this.region, ptr)));
      return;
    }
    const { i32, busy } = this;
    const page = ptr / PAGE_SIZE;
    for (let looks = 0; ; looks++) {
      if (page >>> 0 === page && page < this.pages && i32[Identity.idLow] === this.id) {
        // a fast section: a large block goes into this thread's cache, unless too much is cached or in use
        const record = PAGE_MAP_WORD + imul(page, PageRecord.words);
        const tag = i32[record];
        const pages = tag - LARGE_TAG;
        if (
          pages >= SHORTEST_RUN &&
          pages <= LONGEST_RUN &&
          i32[Extents.freePages] >= (this.dataPages - i32[Extents.unbackedPages]) >> SCARCE
        ) {
          const at = this.tops + 2 * (FIRST_RUN_STACK + pages - SHORTEST_RUN);
          try {
            i32[busy] = 1;
            const top = i32[at];
            const runPages = i32[this.runPages] + pages;
            if (top < i32[at + 1] && runPages <= this.mostRunPages && i32[busy + Literal.gate] === 0) {
              i32[top] = page << this.pageGranuleShift;
              // of the threads that free the block now one wins; partners: `PageMap.replaceLarge`, this line
              if (Atomics.compareExchange(i32, record, tag, this.cachedRun + pages) === tag) {
                i32[this.runPages] = runPages;
                i32[at] = top + ENTRY;
                i32[busy] = 0;
                return;
              }
            }
            i32[busy] = 0;
          } catch (error) {
            i32[busy] = 0;
            throw error;
          }
        }
      }
      if (this.freeShared(ptr)) return;
      this.attachment.require();
      if (ptr === 0) return;
      this.reapIfAsked();
      if (!this.slowFree.prepare(ptr)) return;
      if (looks === MOST_LOOKS)
        throw new VmemError(
          'ECORRUPT',
          `[STATE-1] pointer ${ptr}: a live block, by all that is known, that can't be freed`,
        );
    }
  }

  /**
   * `free` for a block that other threads may free as well: the one whose compare-and-exchange succeeds has freed it.
   * False if the block can't be freed like this, or not now.
   */
  private freeShared(ptr: number): boolean {
    const { i32, u8, busy } = this;
    if (i32[Identity.idLow] !== this.id) return false;
    const page = pageOfPointer(ptr, this.region.size);
    if (page < 0 || page >= this.pages) return false;
    try {
      i32[busy] = 1;
      const record = Literal.pageMap + imul(page, PageRecord.words);
      const word = i32[record + PageRecord.division];
      if ((word & SlabWord.slab) !== 0 && (word & SlabWord.onTheWay) === 0) {
        const sizeClass = word & SlabWord.sizeClass;
        const offset = (ptr & Literal.pageMask) + (word & SlabWord.pageOffset);
        const index = imul(offset, RECIPROCAL[sizeClass]) >>> 16;
        const state = ((i32[record + PageRecord.stateLine] << Literal.lineShift) + index) >>> 0;
        const old = u8[state];
        const at = this.tops + 2 * sizeClass;
        const top = i32[at];
        const isShared = word < 0;
        if (
          imul(index, BLOCK_SIZE[sizeClass]) === offset &&
          (isShared ? isLive(old) : old === this.live) &&
          top < i32[at + 1] &&
          i32[busy + Literal.gate] === 0
        ) {
          i32[top] = ptr / this.granuleSize;
          i32[top + 1] = state;
          // of the threads that free the block at this moment one wins; partners: the same line in the others
          if (!isShared) u8[state] = this.cached;
          if (!isShared || Atomics.compareExchange(u8, state, old, this.cached) === old) {
            i32[at] = top + Literal.entry;
            i32[busy] = 0;
            return true;
          }
        }
      }
      i32[busy] = 0;
      return false;
    } catch (error) {
      i32[busy] = 0;
      throw error;
    }
  }

  /** Usable bytes of the live block at `ptr`, or -1. */
  private liveSize(ptr: number): number {
    this.attachment.require();
    const sizeClass = liveClassOf(this.region, ptr);
    if (sizeClass >= 0) return CLASS_SIZE[sizeClass];
    return Number.isSafeInteger(ptr) && ptr > 0 ? this.core.large.usableSize(ptr) : -1;
  }

  /**
   * Where a new block of `bytes` bytes ends. malloc believes its cache; who writes to the block looks at what came of it.
   * @throws VmemError ECORRUPT if that is not among the pages that blocks are in
   */
  private endOf(ptr: number, bytes: number): number {
    const end = ptr + bytes;
    if (ptr >= this.region.firstDataPage * PAGE_SIZE && end <= this.pages * PAGE_SIZE) return end;
    throw new VmemError('ECORRUPT', `[CACHE-1] a cache has a block at ${ptr}, where none can be`);
  }

  private blockSizeFor(size: number): number {
    return CLASS_SIZE[this.classOf[(size + QUANTUM - 1) >>> 3]];
  }

  /** Recovers what threads left that have died since this one was last here. */
  private reapIfAsked(): void {
    if (this.i32[Calls.deaths] === this.deathsSeen) return;
    const deaths = this.i32[Calls.deaths];
    this.attachment.require();
    this.attachment.explaining(() => {
      this.core.recovery.reapDead();
      this.core.backing.settle();
    });
    this.deathsSeen = deaths;
  }

  /** The answer to a request that is larger than the heap, after the checks that any other would have met. */
  private outOfReach(): 0 {
    this.attachment.require();
    return 0;
  }
}
