// The heap as a caller sees it. malloc and free of small blocks stay on this screen as long as this thread's
// cache can serve them; everything else is one call away:
//
//   malloc ── pop from the stack of the class
//     └ mallocSlow ── large: LargeBlocks.allocate ── ExtentAllocator.take
//         └ ThreadCache.refill ── Bins.takeBlocks ── addSlab ── ExtentAllocator.take, StateStore.take
//   free ── push on the stack of the class
//     └ freeSlow ── large: LargeBlocks.free ── ExtentAllocator.release
//         └ ThreadCache.flush ── Bins.returnBlocks ── releaseSlab ── ExtentAllocator.release

import { VmemError } from '../base/errors';
import { PAGE_SHIFT, PAGE_SIZE, asSizeClass, offsetToPage, type SizeClass } from '../base/units';
import { LIVE, cachedBy } from '../layout/block-state';
import { PageRecord } from '../layout/page-map';
import type { Region } from '../layout/region';
import { Calls, Identity } from '../layout/region-layout';
import {
  CLASS_COUNT,
  CLASS_RECIPROCAL,
  CLASS_SIZE,
  MAX_SLAB_BLOCK,
  QUANTUM,
  alignedClassFor,
  classTable,
} from '../slab/size-classes';
import { handleFields, hostOption, regionOf, requireAlignment, requireSize } from './arguments';
import { checkHeap } from './check/check';
import type { CheckReport } from './check/report';
import type { HeapCore } from './core';
import type { HeapHandle, HeapMemory, HeapOptions } from './heap-options';
import { enterHeap, makeHeap, type Membership } from './membership';
import { refusal } from './pointers';
import { collectStats, type HeapStats } from './stats';
import type { ThreadCache } from './thread-cache';
import { bytesOf, type TypedArrayConstructor } from './typed-arrays';

const NO_CAPACITY = new Int32Array(CLASS_COUNT);

// Constants of this module are constants to V8's compiler; properties of another module's exports are not.
const BLOCK_SIZE = CLASS_SIZE;
const RECIPROCAL = CLASS_RECIPROCAL;
const SMALL_LIMIT = MAX_SLAB_BLOCK;
const STATE_LIVE = LIVE;

/**
 * malloc and free over a region of memory that threads share. Pointers are byte offsets from the region's
 * start; 0 is NULL. Blocks are aligned to the largest power of two that divides their usable size, at least
 * 8, and blocks of more than 16 KiB to 4096 bytes.
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
  private readonly pageMap: Int32Array;
  private readonly pages: number;
  private readonly granuleShift: number;
  private readonly granuleSize: number;
  private readonly pageGranuleShift: number;
  private readonly pageGranuleMask: number;
  private readonly classOf: Uint8Array;
  private readonly cached: number;
  /** Half of the heap's id: the memory of a closed heap may hold another one. */
  private readonly id: number;
  private heights: number;
  private stacks: Int32Array;
  private capacity: Int32Array;

  private readonly region: Region;
  private readonly core: HeapCore;
  private readonly deathWatch: Membership['deathWatch'];
  private cache: ThreadCache | undefined;
  private deathsSeen: number;
  private drainsSeen: number;

  private constructor({ region, core, cache, deathWatch }: Membership) {
    this.region = region;
    this.core = core;
    this.deathWatch = deathWatch;
    this.i32 = region.i32;
    this.u8 = region.u8;
    this.pageMap = region.pageMap.words;
    this.granuleShift = region.granuleShift;
    this.granuleSize = 1 << region.granuleShift;
    this.pages = region.pages | 0;
    this.pageGranuleShift = PAGE_SHIFT - region.granuleShift;
    this.pageGranuleMask = (1 << this.pageGranuleShift) - 1;
    this.classOf = classTable(this.granuleSize);
    this.cached = cachedBy(core.slot);
    this.id = region.openedAs[0];
    this.cache = cache;
    this.heights = cache.heights;
    this.stacks = cache.stacks;
    this.capacity = cache.capacity;
    this.deathsSeen = region.i32[Calls.deaths]!;
    this.drainsSeen = region.i32[Calls.drains]!;
  }

  /**
   * Makes a heap in `memory`; what was there is lost. The calling thread is attached.
   * @throws VmemError EINVAL if the memory is too small (256 KiB), too large (1 TiB) or starts at an offset that
   * is no multiple of 8
   */
  static create(memory: HeapMemory, options: HeapOptions = {}): Heap {
    const host = hostOption(options);
    const region = regionOf(memory);
    return new Heap(enterHeap(region, makeHeap(region, options), host));
  }

  /**
   * Attaches the calling thread to the heap of `handle`.
   * @throws VmemError EINVAL if it is no handle; ECLOSED if its heap was deleted; EAGAIN if as many threads are
   * attached as the heap was made for; ENOMEM if no memory is left for this thread's cache
   */
  static attach(handle: HeapHandle, options: Pick<HeapOptions, 'host'> = {}): Heap {
    const { buffer, byteOffset, size, id } = handleFields(handle);
    const host = hostOption(options);
    const region = regionOf(buffer, byteOffset, size);
    return new Heap(enterHeap(region, region.validate(CLASS_COUNT, id), host));
  }

  get handle(): HeapHandle {
    const { region } = this;
    return { buffer: region.buffer, byteOffset: region.byteOffset, size: region.size, id: region.openedAs };
  }

  get buffer(): SharedArrayBuffer | ArrayBuffer {
    return this.region.buffer;
  }

  /** Where the region starts in `buffer`: pointers count from there. */
  get byteOffset(): number {
    return this.region.byteOffset;
  }

  /** Bytes of the region. */
  get size(): number {
    return this.region.size;
  }

  /** False after `detach` here or `close` in any thread. */
  get isOpen(): boolean {
    return this.cache !== undefined && this.region.isOpen;
  }

  /** Pointer to a new block of at least `size` bytes, contents undefined; 0 when memory is out. malloc(3) */
  malloc(size: number): number {
    if (typeof size === 'number' && size >>> 0 === size && size <= SMALL_LIMIT) {
      const { i32, u8, pageMap } = this;
      const sizeClass = this.classOf[(size + 7) >>> 3];
      const height = this.heights + sizeClass;
      const top = i32[height] - 1;
      if (top >= 0) {
        const granule = i32[this.stacks[sizeClass] + top];
        const record = (granule >>> this.pageGranuleShift) << PageRecord.shift;
        const offset =
          ((granule & this.pageGranuleMask) << this.granuleShift) + pageMap[record + PageRecord.pageOffset];
        const index = Math.imul(offset, RECIPROCAL[sizeClass]) >>> 16;
        const state = pageMap[record + PageRecord.stateLine] * 64 + index;
        if (
          u8[state] === this.cached &&
          i32[Identity.idLow] === this.id &&
          Math.imul(index, BLOCK_SIZE[sizeClass]) === offset &&
          pageMap[record + PageRecord.sizeClass] === sizeClass + 1
        ) {
          u8[state] = STATE_LIVE;
          i32[height] = top;
          return granule * this.granuleSize;
        }
      }
    }
    return this.mallocSlow(size);
  }

  /**
   * Gives the block at `ptr` back, or the block of a view that `alloc` made. free(0) does nothing. free(3)
   */
  free(ptr: number | ArrayBufferView): void {
    if (typeof ptr === 'number') {
      const granule = (ptr | 0) === ptr ? ptr >> this.granuleShift : this.granuleOf(ptr);
      const page = granule >>> this.pageGranuleShift; // a negative one is far behind the last page
      if (page < this.pages && (ptr & (this.granuleSize - 1)) === 0) {
        const { i32, u8, pageMap } = this;
        const record = page << PageRecord.shift;
        const sizeClass = pageMap[record + PageRecord.sizeClass] - 1;
        if (sizeClass >= 0) {
          const offset =
            ((granule & this.pageGranuleMask) << this.granuleShift) + pageMap[record + PageRecord.pageOffset];
          const index = Math.imul(offset, RECIPROCAL[sizeClass]) >>> 16;
          const state = pageMap[record + PageRecord.stateLine] * 64 + index;
          const height = this.heights + sizeClass;
          const top = i32[height];
          if (
            Math.imul(index, BLOCK_SIZE[sizeClass]) === offset &&
            u8[state] === STATE_LIVE &&
            i32[Identity.idLow] === this.id &&
            top < this.capacity[sizeClass]
          ) {
            i32[this.stacks[sizeClass] + top] = granule;
            u8[state] = this.cached;
            i32[height] = top + 1;
            return;
          }
        }
      }
    }
    this.freeSlow(ptr);
  }

  /** Pointer to a new block of `count * size` bytes, all zero; 0 when memory is out. calloc(3) */
  calloc(count: number, size: number): number {
    requireSize('count', count);
    requireSize('size', size);
    const bytes = count * size;
    const ptr = bytes > this.region.size ? this.outOfReach() : this.malloc(bytes);
    if (ptr !== 0) this.u8.fill(0, ptr, ptr + bytes);
    return ptr;
  }

  /**
   * Changes the size of the block at `ptr`, in place where possible; contents are kept up to the smaller size.
   * Returns its pointer, or 0 when memory is out (the old block stays). realloc(0, n) is malloc(n);
   * realloc(ptr, 0) is free(ptr) and returns 0. realloc(3)
   */
  realloc(ptr: number, size: number): number {
    requireSize('size', size);
    if (ptr === 0) return this.malloc(size);
    const old = this.usableSize(ptr);
    if (size === 0) {
      this.free(ptr);
      return 0;
    }
    if (size <= MAX_SLAB_BLOCK ? this.blockSizeFor(size) === old : size <= old && old - size < PAGE_SIZE)
      return ptr;
    if (old > MAX_SLAB_BLOCK && size > MAX_SLAB_BLOCK && this.core.large.resize(ptr, size)) return ptr;
    const moved = this.malloc(size);
    if (moved === 0) return 0;
    this.u8.copyWithin(moved, ptr, ptr + Math.min(old, size));
    this.free(ptr);
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
    return this.largeAlloc(Math.max(size, 1), alignment);
  }

  /** Bytes that the live block at `ptr` has room for. malloc_usable_size(3); 0 for NULL */
  usableSize(ptr: number): number {
    this.requireAttached();
    if (ptr === 0) return 0;
    const size = this.liveSize(ptr);
    if (size < 0) throw this.refused(ptr);
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
    try {
      return new Type(this.region.buffer, this.region.byteOffset + ptr, length);
    } catch (error) {
      this.free(ptr); // a subclass of the caller's refused to be constructed
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
    return new Type(this.region.buffer, this.region.byteOffset + ptr, length);
  }

  /** 1: consistent; 0: not; -1: could not be checked. Locks out the slow paths of other threads. vmem_check(3) */
  check(): 1 | 0 | -1 {
    return this.checkReport().result;
  }

  /** The same with everything that was found. */
  checkReport(): CheckReport {
    this.requireAttached();
    return checkHeap(this.core);
  }

  stats(): HeapStats {
    this.requireAttached();
    this.answerCalls();
    return collectStats(this.core);
  }

  /** This thread is done: its cached blocks go back. The heap object is of no more use; blocks stay live. */
  detach(): void {
    const { cache } = this;
    if (cache === undefined) return;
    this.leave();
    if (this.region.isOpen) cache.dispose();
    this.deathWatch?.cancel();
    if (this.region.isOpen) this.core.slots.release(this.core.slot);
  }

  /**
   * Ends the heap for all threads: every later use of it gives ECLOSED, and the memory may be used for something
   * else once no thread is inside a call. Returns true in the one thread whose call ended it.
   *
   * @param vanishing the caller replaces the memory by zeros at once, so it need not be wiped
   */
  close(vanishing = false): boolean {
    const { region } = this;
    this.leave();
    this.deathWatch?.cancel();
    if (!region.isOpen || !region.close()) return false;
    // Without a page map no pointer and no cached block is valid, whatever another thread still holds.
    if (!vanishing) region.pageMap.words.fill(0);
    return true;
  }

  /** Makes every fast path fail. */
  private leave(): void {
    this.cache = undefined;
    this.heights = 0; // the null page: every stack is empty
    this.capacity = NO_CAPACITY; // and full
  }

  private mallocSlow(size: number): number {
    requireSize('size', size);
    this.requireAttached();
    this.answerCalls();
    if (size > MAX_SLAB_BLOCK) return this.largeAlloc(size, 1);
    const sizeClass = asSizeClass(this.classOf[(size + QUANTUM - 1) >>> 3]);
    for (;;) {
      const height = this.i32[this.heights + sizeClass];
      if (height > 0) {
        // the block on top was freed by two threads, and the other one has it
        this.i32[this.heights + sizeClass] = height - 1;
      } else if (this.refill(sizeClass) === 0) {
        return 0;
      }
      const ptr = this.pop(sizeClass);
      if (ptr !== 0) return ptr;
      this.requireAttached();
    }
  }

  private refill(sizeClass: SizeClass): number {
    const cache = this.requireAttached();
    try {
      const taken = cache.refill(sizeClass);
      return taken > 0 || !this.reclaim() ? taken : cache.refill(sizeClass);
    } catch (error) {
      throw this.explained(error);
    }
  }

  /** The fast path of `malloc` once more, for a class; 0 if the entry on top is not a block of ours. */
  private pop(sizeClass: SizeClass): number {
    const height = this.heights + sizeClass;
    const top = this.i32[height] - 1;
    if (top < 0) return 0;
    const ptr = this.i32[this.stacks[sizeClass] + top] * this.granuleSize;
    const state = this.stateOf(ptr);
    const isOurs = state >= 0 && this.u8[state] === this.cached;
    if (!isOurs || this.region.pageMap.sizeClass(offsetToPage(ptr)) !== sizeClass) return 0;
    this.u8[state] = LIVE;
    this.i32[height] = top;
    return ptr;
  }

  private largeAlloc(size: number, alignment: number): number {
    this.requireAttached();
    const { large } = this.core;
    try {
      const ptr = large.allocate(size, alignment);
      if (ptr !== 0 || size > this.region.size || !this.reclaim()) return ptr;
      return large.allocate(size, alignment);
    } catch (error) {
      throw this.explained(error);
    }
  }

  private freeSlow(ptr: number | ArrayBufferView): void {
    const cache = this.requireAttached();
    if (typeof ptr !== 'number') {
      this.free(this.pointerOf(ptr));
      return;
    }
    if (ptr === 0) return;
    try {
      this.answerCalls();
      const sizeClass = this.liveClass(ptr);
      if (sizeClass < 0) {
        if (Number.isSafeInteger(ptr) && ptr > 0 && this.core.large.free(ptr)) return;
        throw this.refused(ptr);
      }
      // the block is live, so the stack is full
      cache.flush(asSizeClass(sizeClass));
    } catch (error) {
      throw this.explained(error);
    }
    this.free(ptr);
  }

  /** The pointer of a view that lies in this heap's memory, here or in another thread. */
  private pointerOf(view: ArrayBufferView): number {
    if (!ArrayBuffer.isView(view)) throw this.refused(view);
    const { buffer, byteOffset, id } = this.handle;
    if (view.buffer !== buffer) {
      // each message brings a new buffer object of the same memory, so compare what stands in it
      const end = byteOffset + (Identity.end as number) * 4;
      const sameKind = view.buffer instanceof SharedArrayBuffer && view.buffer.byteLength >= end;
      const words = sameKind ? new Int32Array(view.buffer, byteOffset, Identity.end) : undefined;
      if (words?.[Identity.idLow] !== id[0] || words[Identity.idHigh] !== id[1]) {
        throw new VmemError('EBADPTR', 'the view is not one on this heap');
      }
    }
    const ptr = view.byteOffset - byteOffset;
    if (ptr <= 0) throw new VmemError('EBADPTR', 'the view does not begin at a block of this heap');
    return ptr;
  }

  /** Index of the state byte of the block that begins at `ptr`, or -1. */
  private stateOf(ptr: number): number {
    if (!Number.isSafeInteger(ptr) || ptr <= 0 || ptr >= this.region.size) return -1;
    const { pageMap } = this.region;
    const page = offsetToPage(ptr);
    const sizeClass = pageMap.sizeClass(page);
    if (sizeClass < 0 || sizeClass >= CLASS_COUNT) return -1;
    const offset = pageMap.pageOffset(page) + (ptr % PAGE_SIZE);
    const index = Math.imul(offset, CLASS_RECIPROCAL[sizeClass]) >>> 16;
    return index * CLASS_SIZE[sizeClass] === offset ? pageMap.stateLine(page) * 64 + index : -1;
  }

  /** Class of the live slab block at `ptr`, or -1. */
  private liveClass(ptr: number): number {
    const state = this.stateOf(ptr);
    return state >= 0 && this.u8[state] === LIVE ? this.region.pageMap.sizeClass(offsetToPage(ptr)) : -1;
  }

  /** Usable bytes of the live block at `ptr`, or -1. */
  private liveSize(ptr: number): number {
    this.requireAttached();
    const sizeClass = this.liveClass(ptr);
    if (sizeClass >= 0) return CLASS_SIZE[sizeClass];
    return Number.isSafeInteger(ptr) && ptr > 0 ? this.core.large.usableSize(ptr) : -1;
  }

  private blockSizeFor(size: number): number {
    return CLASS_SIZE[this.classOf[(size + QUANTUM - 1) >>> 3]];
  }

  private granuleOf(ptr: number): number {
    const granule = ptr / this.granuleSize;
    return granule >= 0 && ptr < this.region.size && Number.isInteger(granule) ? granule : -1;
  }

  /** Gives back what this heap can spare before a caller hears that memory is out. */
  private reclaim(): boolean {
    const cache = this.requireAttached();
    // asks the other threads to empty their caches at their next slow path
    this.drainsSeen = Atomics.add(this.i32, Calls.drains, 1) + 1;
    this.core.recovery.reapDead();
    const flushed = cache.flushAll();
    return this.core.bins.releaseEmptySlabs() || flushed;
  }

  /** Does what other threads asked of this one since it was last here. */
  private answerCalls(): void {
    if (this.i32[Calls.deaths] !== this.deathsSeen) {
      this.deathsSeen = this.i32[Calls.deaths];
      this.requireAttached();
      this.core.recovery.reapDead();
    }
    if (this.i32[Calls.drains] !== this.drainsSeen) {
      this.drainsSeen = this.i32[Calls.drains];
      this.requireAttached().flushAll();
    }
  }

  /** What to throw when an operation on the shared structures failed: a heap closed meanwhile explains it all. */
  private explained(error: unknown): unknown {
    return this.region.isOpen ? error : this.closedError();
  }

  private refused(ptr: unknown): VmemError {
    this.requireAttached();
    return refusal(this.region, ptr);
  }

  private requireAttached(): ThreadCache {
    if (this.cache === undefined || !this.region.isOpen) {
      throw this.closedError();
    }
    return this.cache;
  }

  private closedError(): VmemError {
    const reason = this.region.isOpen ? 'this thread has detached from the heap' : 'the heap was deleted';
    return new VmemError('ECLOSED', reason);
  }

  /** The answer to a request that is larger than the heap, after the checks that any other would have met. */
  private outOfReach(): 0 {
    this.requireAttached();
    return 0;
  }
}
