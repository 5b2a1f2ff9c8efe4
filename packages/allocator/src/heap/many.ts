// Many blocks at once, for `mallocMany` and `freeMany`: what malloc and free do for one block, in one fast section for a
// whole stretch of them. What the stack of the class can't serve goes between slabs and the caller's array directly, a
// stretch under one lock; what is out of the ordinary is left to malloc and free, block by block.

import { PlainDoubles } from '../base/built-in';
import { VmemError } from '../base/errors';
import {
  LINE_SHIFT as SHIFT_OF_LINES,
  PAGE_SHIFT,
  PAGE_SIZE,
  asSizeClass,
  type SizeClass,
} from '../base/units';
import { cachedBy, isLive, liveIn } from '../layout/block-state';
import { PageRecord, SlabWord } from '../layout/page-map';
import { Identity, PAGE_MAP_WORD, Slot, slotAt } from '../layout/region-layout';
import { ENTRY as ENTRY_WORDS } from '../layout/thread-cache-layout';
import { liveClassOf, pageOfPointer } from '../slab/block-lookup';
import { BulkBlocks } from '../slab/bulk-blocks';
import { CLASS_RECIPROCAL, CLASS_SIZE, MAX_SLAB_BLOCK, QUANTUM, classTable } from '../slab/size-classes';
import { DETACHED } from './heap-id';
import { withOwnCache } from './own-cache';
import type { HeapParts } from './parts';
import { storeError, type PointerWords } from './pointer-arrays';
import { refusal } from './pointers';
import type { ThreadCache } from './thread-cache';

// constants of this module, for V8's compiler
const RECIPROCAL = CLASS_RECIPROCAL;
const BLOCK_SIZE = CLASS_SIZE;
const PAGE_MAP = PAGE_MAP_WORD;
const LINE_SHIFT = SHIFT_OF_LINES;
const ENTRY = ENTRY_WORDS;
const SMALL_LIMIT = MAX_SLAB_BLOCK;
const pageOf = pageOfPointer;
const PAGE_MASK = PAGE_SIZE - 1;

/** Blocks of one fast section, at most: others may wait for its end. */
const STRETCH = 1024;

/** malloc and free of the heap. */
export interface OneByOne {
  malloc(size: number): number;
  free(ptr: number): void;
}

export class Many {
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly pages: number;
  private readonly size: number;
  private readonly granuleSize: number;
  private readonly granuleShift: number;
  private readonly pageGranuleShift: number;
  private readonly live: number;
  private readonly cached: number;
  private id: number;
  private readonly me: number;
  private readonly tops: number;
  private readonly classOf: Uint8Array;
  private readonly bulk: BulkBlocks;
  private some: Float64Array | undefined;

  constructor(
    private readonly core: HeapParts,
    cache: ThreadCache,
    private readonly heap: OneByOne,
  ) {
    const { region } = core;
    this.i32 = region.i32;
    this.u8 = region.u8;
    this.pages = region.pages;
    this.size = region.size;
    this.granuleSize = 1 << region.granuleShift;
    this.granuleShift = region.granuleShift;
    this.pageGranuleShift = PAGE_SHIFT - region.granuleShift;
    this.live = liveIn(core.slot);
    this.cached = cachedBy(core.slot);
    this.id = region.openedAs[0];
    this.me = slotAt(core.slot);
    this.tops = cache.tops;
    this.classOf = classTable(this.granuleSize);
    this.bulk = new BulkBlocks(region, core.locks, core.bins, core.slot);
    this.some = undefined;
  }

  /** The heap object has left its heap: nothing of this may touch the cache any more. */
  leave(): void {
    this.id = DETACHED;
  }

  /**
   * Writes pointers to new blocks of `size` bytes into `out` from 0 to `count`; returns how many there are. An error that
   * comes after the first one only ends the work: it will be back in the next call.
   */
  take(size: number, count: number, out: PointerWords): number {
    const sizeClass = size <= SMALL_LIMIT ? asSizeClass(this.classOf[(size + QUANTUM - 1) >>> 3]) : undefined;
    let taken = 0;
    try {
      while (taken < count) {
        if (sizeClass !== undefined) {
          taken = this.pop(sizeClass, out, taken, count);
          if (taken === count) break;
          const next = this.refill(sizeClass, out, taken, count);
          if (next >= 0) {
            taken = next;
            continue;
          }
        }
        const ptr = this.heap.malloc(size);
        if (ptr === 0) break;
        out[taken++] = ptr;
      }
    } catch (error) {
      if (taken === 0) throw error;
    }
    return taken;
  }

  /** The same into an array. What storing there throws ends the work, too; the block at hand goes back. */
  takeInto(size: number, count: number, out: number[]): number {
    const some = this.borrow();
    let taken = 0;
    for (let got = STRETCH; taken < count && got === STRETCH;) {
      try {
        got = this.take(size, Math.min(STRETCH, count - taken), some);
      } catch (error) {
        if (taken === 0 || isClosed(error)) throw error;
        break;
      }
      let stored = 0;
      try {
        for (; stored < got; stored++) out[taken + stored] = some[stored];
      } catch (error) {
        for (let i = stored; i < got; i++) this.heap.free(some[i]);
        if (taken + stored === 0) throw storeError('out', out, 0, error);
        got = stored;
      }
      taken += got;
    }
    this.some = some;
    return taken;
  }

  /**
   * Frees `count` pointers; `before` is how many the caller's array has before them.
   * @throws VmemError EBADPTR, EDOUBLEFREE for the first that is wrong; those before it are freed then
   */
  give(ptrs: PointerWords, count: number, before = 0): void {
    for (let at = 0; at < count;) {
      const stop = Math.min(at + STRETCH, count);
      at = this.push(ptrs, at, stop);
      if (at === stop) continue;
      const next = this.flush(ptrs, at, count);
      if (next >= 0) {
        at = next;
        continue;
      }
      try {
        this.heap.free(ptrs[at]);
      } catch (error) {
        throw atIndex(before + at, error);
      }
      at++;
    }
  }

  /** The same for an array, whose elements are read once and before any of a stretch is freed. */
  giveFrom(ptrs: readonly unknown[], count: number): void {
    const some = this.borrow();
    for (let given = 0; given < count;) {
      const stop = Math.min(STRETCH, count - given);
      let read = 0;
      let failure: { readonly error: unknown } | undefined;
      try {
        for (; read < stop; read++) {
          const ptr = ptrs[given + read];
          if (typeof ptr !== 'number') {
            failure = { error: atIndex(given + read, refusal(this.core.region, ptr)) };
            break;
          }
          some[read] = ptr;
        }
      } catch (error) {
        failure = { error };
      }
      this.give(some, read, given);
      if (failure !== undefined) throw failure.error;
      given += read;
    }
    this.some = some;
  }

  /** Room for a stretch of pointers. Given back by `this.some = ...`: a caller's code may come back here meanwhile. */
  private borrow(): Float64Array {
    const some = this.some ?? new PlainDoubles(STRETCH);
    this.some = undefined;
    return some;
  }

  /** Cached blocks of the class into `out` from `from` to `to`, as far as there are any; returns how far. */
  private pop(sizeClass: SizeClass, out: PointerWords, from: number, to: number): number {
    const { i32, u8, me, live, cached, granuleSize } = this;
    const at = this.tops + 2 * sizeClass;
    let next = from;
    if (i32[Identity.idLow] !== this.id) return next;
    try {
      i32[me + Slot.busy] = 1;
      let top = i32[at];
      if (i32[me + Slot.gate] === 0) {
        for (; next < to; next++) {
          const state = i32[top - 1] >>> 0;
          if (u8[state] !== cached) break;
          u8[state] = live;
          top -= ENTRY;
          i32[at] = top; // for each block: V8 may cut the loop short, and the thread lives on
          out[next] = i32[top] * granuleSize;
        }
      }
      i32[me + Slot.busy] = 0;
      return next;
    } catch (error) {
      // between two blocks: the stack is full
      i32[me + Slot.busy] = 0;
      if (next === from) throw error;
      return next;
    }
  }

  /** Live blocks into their stacks, as long as nothing is in the way; returns how far. */
  private push(ptrs: PointerWords, from: number, to: number): number {
    const { i32, u8, me, live, cached, pages, size, tops, granuleShift, pageGranuleShift } = this;
    if (i32[Identity.idLow] !== this.id) return from;
    let next = from;
    let at = 0;
    let top = 0;
    let end = 0;
    // those of the last block's class and of how its slab is shared: what is freed together is often alike
    let known = -1; // no such word
    let isShared = false;
    let blockSize = 0;
    let reciprocal = 0;
    try {
      i32[me + Slot.busy] = 1;
      if (i32[me + Slot.gate] !== 0) to = from;
      for (; next < to; next++) {
        const ptr = ptrs[next]; // once: it may change
        const page = pageOf(ptr, size);
        if (page >>> 0 >= pages) break;
        const record = PAGE_MAP + Math.imul(page, PageRecord.words);
        const word = i32[record + PageRecord.division];
        const kind = word & ~SlabWord.pageOffset;
        if (kind !== known) {
          const sizeClass = word & SlabWord.sizeClass;
          const isSlab = (word & SlabWord.slab) !== 0 && sizeClass < BLOCK_SIZE.length;
          if (!isSlab || (word & SlabWord.onTheWay) !== 0) break;
          known = kind;
          isShared = word < 0;
          blockSize = BLOCK_SIZE[sizeClass];
          reciprocal = RECIPROCAL[sizeClass];
          at = tops + 2 * sizeClass;
          top = i32[at];
          end = i32[at + 1];
        }
        const inPage = ptr & PAGE_MASK;
        const offset = inPage + (word & SlabWord.pageOffset);
        const index = Math.imul(offset, reciprocal) >>> 16;
        const state = ((i32[record + PageRecord.stateLine] << LINE_SHIFT) + index) >>> 0;
        const old = u8[state];
        if (top >= end || Math.imul(index, blockSize) !== offset || (isShared ? !isLive(old) : old !== live))
          break;
        i32[top] = (page << pageGranuleShift) + (inPage >> granuleShift);
        i32[top + 1] = state;
        // of the threads that free a shared block at this moment one wins; partners: `freeShared` and this line
        if (!isShared) u8[state] = cached;
        else if (Atomics.compareExchange(u8, state, old, cached) !== old) break;
        top += ENTRY;
        i32[at] = top; // as in `pop`
      }
      i32[me + Slot.busy] = 0;
      return next;
    } catch (error) {
      // between two blocks: the stack is full
      i32[me + Slot.busy] = 0;
      throw error;
    }
  }

  /**
   * Goes on where the stack of the class is empty: takes blocks from slabs into `out`, or into the stack if it is less than
   * half of what that holds. Returns how far `out` is filled; -1 if neither brought any.
   */
  private refill(sizeClass: SizeClass, out: PointerWords, from: number, to: number): number {
    const { core, bulk } = this;
    if (this.i32[Identity.idLow] !== this.id) return -1;
    let next = from;
    const isBulk = to - from >= core.cacheLayout.capacity[sizeClass] >> 1;
    const isDone = withOwnCache(core, (cache) => {
      if (!isBulk) return cache.fill(sizeClass);
      next = bulk.take(sizeClass, out, from, Math.min(to, from + STRETCH));
      return next > from;
    });
    return isDone ? next : -1;
  }

  /**
   * Goes on at `from`, where `push` has stopped: if that is for want of room, gives blocks to slabs, from `ptrs`, or from
   * the stack if less than half of what that holds is left in `ptrs`. Returns how far `ptrs` is freed; -1 if it can't help.
   */
  private flush(ptrs: PointerWords, from: number, to: number): number {
    const { core, bulk } = this;
    const ptr = ptrs[from];
    const found = liveClassOf(core.region, ptr);
    if (found < 0 || this.i32[Identity.idLow] !== this.id) return -1;
    const sizeClass = asSizeClass(found);
    const capacity = core.cacheLayout.capacity[sizeClass];
    let next = from;
    const isDone = withOwnCache(core, (cache) => {
      if (to - from < capacity >> 1) return cache.makeRoom(sizeClass);
      if (cache.blocksOf(sizeClass) < capacity) return false;
      next = bulk.give(sizeClass, ptrs, from, Math.min(to, from + STRETCH));
      return next > from;
    });
    return isDone ? next : -1;
  }
}

const isClosed = (error: unknown): boolean => error instanceof VmemError && error.code === 'ECLOSED';

/** The error with the place in the caller's array of the pointer that it is about. */
function atIndex(index: number, error: unknown): unknown {
  if (!(error instanceof VmemError) || (error.code !== 'EBADPTR' && error.code !== 'EDOUBLEFREE'))
    return error;
  return new VmemError(error.code, `ptrs[${index}]: ${error.message}`, { cause: error, index });
}
