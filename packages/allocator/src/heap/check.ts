// The consistency check: takes every lock, so nothing but the tops of running threads' caches moves, then
// verifies each numbered invariant. Reads only. Every loop is bounded by a size of the region's geometry, not
// by what the region says, so damage can't make it run for ever.

import { VmemError } from '../base/errors';
import {
  LINE_SIZE,
  NULL_PAGE,
  PAGE_SIZE,
  asSizeClass,
  lineToPage,
  pageAfter,
  pageToLine,
  pageToOffset,
  pageToWord,
  type PageIndex,
} from '../base/units';
import { binOfLength } from '../extent/free-extents';
import { walkExtents } from '../extent/extent-walk';
import { FREE, LIVE, cachingSlot } from '../layout/block-state';
import { PageKind } from '../layout/page-map';
import { Bin, Extents, Slot, SlotOwner, binAt, slotAt, slotOfToken } from '../layout/region-layout';
import { CLASS_COUNT, MAX_STATE_LINES, SLAB_SHAPES } from '../slab/size-classes';
import { REDZONE_BYTE, allFree, runsPerPage } from '../slab/state-store';
import { CheckFindings, type CheckReport } from './check-report';
import type { HeapParts } from './parts';

export function checkHeap(core: HeapParts): CheckReport {
  const check = new HeapCheck(core);
  let locked = 0;
  try {
    for (; locked < CLASS_COUNT; locked++) core.bins.lock(asSizeClass(locked));
    core.extents.lock();
    try {
      check.run();
    } finally {
      core.extents.unlock();
    }
  } catch (error) {
    if (!(error instanceof VmemError) || error.code !== 'ECORRUPT') throw error;
    check.found.expect(false, /^\[.*?\]/.exec(error.message)?.[0] ?? '[LOCK-1]', () => error.message);
  } finally {
    while (locked-- > 0) core.bins.unlock(asSizeClass(locked));
  }
  return check.found.report();
}

class HeapCheck {
  readonly found = new CheckFindings();
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly pageMap;
  private readonly freePages = new Map<PageIndex, number>();
  private readonly statePages = new Set<PageIndex>();
  private readonly cachePages = new Map<PageIndex, number>();
  private readonly slabs: PageIndex[] = [];
  private readonly large = { extents: 0, pages: 0 };
  /** State runs in use, by state page. */
  private readonly runs = new Map<PageIndex, number[]>();
  /** Entries of the stacks of one class, by slot. */
  private readonly entries = new Map<number, Set<number>>();

  constructor(private readonly core: HeapParts) {
    this.i32 = core.region.i32;
    this.u8 = core.region.u8;
    this.pageMap = core.region.pageMap;
  }

  run(): void {
    this.checkHead();
    this.checkTiling();
    this.checkFreeIndex();
    this.checkSlots();
    for (let i = 0; i < CLASS_COUNT; i++) this.checkClass(i);
    this.checkStateStore();
    this.checkCounters();
  }

  private checkHead(): void {
    const { found, core } = this;
    const dirty = this.i32.subarray(0, PAGE_SIZE / 4).findIndex((word) => word !== 0);
    found.expect(dirty < 0, '[HEAD-1]', () => `the null page has ${this.i32[dirty]} at offset ${dirty * 4}`);
    try {
      core.region.validate(CLASS_COUNT, core.region.id);
    } catch (error) {
      found.expect(false, '[HEAD-2]', () => (error as Error).message);
    }
  }

  private checkTiling(): void {
    const { found, pageMap } = this;
    const firstData = this.core.region.firstDataPage;
    walkExtents(pageMap, (page, kind, length) => {
      found.extents++;
      const reserved = kind === PageKind.reserved;
      found.expect(
        reserved === (page === NULL_PAGE) && (!reserved || length === firstData),
        '[PAGE-1]',
        () =>
          `page ${page}: kind ${kind}, ${length} pages; the heap's tables take pages 0 to ${firstData - 1}`,
      );
      found.expect(kind !== PageKind.pending, '[PAGE-1]', () => `page ${page}: pending with the lock free`);
      this.checkInside(page, kind, length);
      if (kind === PageKind.slab) this.slabs.push(page);
      else this.checkNoSlab(page, length);
      if (kind === PageKind.free) this.freePages.set(page, length);
      if (kind === PageKind.states) this.statePages.add(page);
      if (kind === PageKind.cache) this.cachePages.set(page, length);
      if (kind === PageKind.large) {
        this.large.extents++;
        this.large.pages += length;
      }
    });
    for (const page of this.freePages.keys()) {
      const next = pageAfter(page, pageMap.length(page));
      found.expect(
        !this.freePages.has(next),
        '[PAGE-2]',
        () => `pages ${page} and ${next}: free, not merged`,
      );
    }
  }

  private checkInside(page: PageIndex, kind: PageKind, length: number): void {
    for (let i = 1; i < length; i++) {
      const inside = pageAfter(page, i);
      const tail = kind === PageKind.free && i === length - 1;
      this.found.expect(
        this.pageMap.kind(inside) === (tail ? PageKind.freeTail : PageKind.inside) &&
          this.pageMap.length(inside) === (tail ? length : 0),
        '[PAGE-2]',
        () => `page ${inside}: tag of kind ${this.pageMap.kind(inside)} inside the extent at page ${page}`,
      );
    }
  }

  private checkNoSlab(page: PageIndex, length: number): void {
    for (let i = 0; i < length; i++) {
      const inside = pageAfter(page, i);
      this.found.expect(
        this.pageMap.sizeClass(inside) === -1 && this.pageMap.stateLine(inside) === 0,
        '[PAGE-3]',
        () => `page ${inside}: has a size class but is no slab's`,
      );
    }
  }

  private checkFreeIndex(): void {
    const { found, i32, pageMap } = this;
    const seen = new Set<PageIndex>();
    for (let bin = 0; bin < Extents.binCount; bin++) {
      const head = this.core.extents.free.head(bin);
      const bit = (i32[Extents.binBitmap + (bin >>> 5)] >>> (bin & 31)) & 1;
      found.expect(
        (bit === 1) === (head !== NULL_PAGE),
        '[FREE-2]',
        () => `list ${bin}: bit ${bit}, head ${head}`,
      );
      this.walkList('[FREE-1]', `free list ${bin}`, head, (page) => {
        seen.add(page);
        return this.freePages.has(page) && binOfLength(pageMap.length(page)) === bin;
      });
    }
    for (let word = 0; word * 32 < Extents.binCount; word++) {
      const bit = (i32[Extents.binSummary] >>> word) & 1;
      const bits = i32[Extents.binBitmap + word];
      found.expect(
        (bit === 1) === (bits !== 0),
        '[FREE-2]',
        () => `summary bit ${word} is ${bit}, word ${bits}`,
      );
    }
    for (const page of this.freePages.keys()) {
      found.expect(seen.has(page), '[FREE-1]', () => `free extent at page ${page}: in no list`);
    }
  }

  /** Follows a list; every member must satisfy `belongs` and link back to the one before. */
  private walkList(
    invariant: string,
    name: string,
    head: PageIndex,
    belongs: (page: PageIndex) => boolean,
  ): void {
    const { pageMap, found } = this;
    let previous = NULL_PAGE;
    let tries = pageMap.pages;
    for (let page = head; page !== NULL_PAGE; previous = page, page = pageMap.next(page)) {
      const before = previous;
      const at = page;
      const sound =
        page > 0 && page < pageMap.pages && tries-- > 0 && belongs(page) && pageMap.previous(page) === before;
      if (!found.expect(sound, invariant, () => `${name}: page ${at} does not belong after page ${before}`))
        return;
    }
  }

  private checkSlots(): void {
    const { found, i32, core } = this;
    for (let slot = 0; slot < core.slots.count; slot++) {
      const owner = i32[slotAt(slot) + Slot.owner];
      const page = i32[slotAt(slot) + Slot.cachePage] as PageIndex;
      const known = owner >= SlotOwner.dead || this.isReaper(owner);
      found.expect(known, '[SLOT-1]', () => `slot ${slot}: owner word ${owner}`);
      if (page === NULL_PAGE) continue;
      found.expect(
        owner !== SlotOwner.nobody && this.cachePages.has(page) && this.pageMap.a(page) === slot,
        '[SLOT-1]',
        () => `slot ${slot} (owner ${owner}): cache page ${page} is not its cache`,
      );
      this.cachePages.delete(page);
      this.checkHeights(slot, page);
    }
    for (const page of this.cachePages.keys()) {
      found.expect(false, '[SLOT-1]', () => `cache at page ${page} belongs to no slot`);
    }
    this.checkLock('extents', Extents.lock);
    for (let i = 0; i < CLASS_COUNT; i++) this.checkLock(`class ${i}`, binAt(i) + Bin.lock);
  }

  private isReaper(owner: number): boolean {
    const slot = slotOfToken(-owner);
    return slot >= 0 && slot < this.core.slots.count && -owner > 0xff;
  }

  private checkLock(name: string, at: number): void {
    this.found.expect(
      this.core.locks.holds(at),
      '[LOCK-1]',
      () => `lock of ${name}: owner word ${this.i32[at]}`,
    );
  }

  private checkHeights(slot: number, page: PageIndex): void {
    if (page <= 0 || page >= this.pageMap.pages) return;
    const { heights, capacity } = this.core.cacheLayout;
    for (let i = 0; i < CLASS_COUNT; i++) {
      const height = this.i32[pageToWord(page) + heights + i];
      this.found.expect(
        height >= 0 && height <= capacity[i],
        '[CACHE-2]',
        () => `slot ${slot}, class ${i}: height ${height} of ${capacity[i]}`,
      );
    }
  }

  private checkClass(index: number): void {
    const { found, i32, pageMap } = this;
    const bin = binAt(index);
    const slabs = this.slabs.filter((slab) => pageMap.sizeClass(slab) === index);
    const partial = new Set<PageIndex>();
    let freeBlocks = 0;
    this.entries.clear();
    for (const slab of slabs) {
      const free = this.checkSlab(slab, index);
      freeBlocks += free;
      if (free > 0) partial.add(slab);
    }
    this.walkList('[SLAB-2]', `slabs of class ${index}`, i32[bin + Bin.slabs] as PageIndex, (page) =>
      partial.delete(page),
    );
    for (const page of partial) {
      found.expect(false, '[SLAB-2]', () => `slab at page ${page}: has FREE blocks but is in no list`);
    }
    found.expect(
      i32[bin + Bin.slabCount] === slabs.length && i32[bin + Bin.freeBlocks] === freeBlocks,
      '[SLAB-3]',
      () =>
        `class ${index}: counts ${i32[bin + Bin.slabCount]} slabs, ${i32[bin + Bin.freeBlocks]} FREE blocks; ` +
        `there are ${slabs.length} and ${freeBlocks}`,
    );
  }

  /** Returns the number of FREE blocks. */
  private checkSlab(slab: PageIndex, index: number): number {
    const { found, pageMap, u8 } = this;
    const { size, blocks, lines, pages } = SLAB_SHAPES[index];
    const line = pageMap.stateLine(slab);
    found.slabs++;
    found.expect(
      pageMap.length(slab) === pages,
      '[PAGE-3]',
      () => `slab at page ${slab}: not ${pages} pages long`,
    );
    for (let i = 0; i < pages && slab + i < pageMap.pages; i++) {
      const page = pageAfter(slab, i);
      found.expect(
        pageMap.sizeClass(page) === index &&
          pageMap.pageOffset(page) === i * PAGE_SIZE &&
          pageMap.stateLine(page) === line,
        '[PAGE-3]',
        () => `page ${page}: differs from its slab at page ${slab}`,
      );
    }
    const statePage = lineToPage(line);
    if (
      !found.expect(
        this.statePages.has(statePage),
        '[STORE-2]',
        () => `slab at page ${slab}: no states at line ${line}`,
      )
    ) {
      return 0;
    }
    this.runs.set(statePage, [...(this.runs.get(statePage) ?? []), line]);
    found.expect(
      pageMap.pageOffset(statePage) === lines,
      '[STORE-2]',
      () => `slab at page ${slab}: runs of another length`,
    );
    const states = line * LINE_SIZE;
    let free = 0;
    let lowest = blocks;
    for (let i = 0; i < blocks; i++) {
      const state = u8[states + i];
      found.blocks++;
      if (state === FREE) {
        free++;
        lowest = Math.min(lowest, i);
      } else if (state !== LIVE) {
        this.checkCached(cachingSlot(state), index, slab, pageToOffset(slab) + i * size, states + i);
      }
    }
    for (let i = blocks; i < lines * LINE_SIZE; i++) {
      found.expect(
        u8[states + i] === FREE,
        '[STATE-1]',
        () => `slab at page ${slab}: state behind its last block`,
      );
    }
    found.expect(
      pageMap.a(slab) === free && (free === 0 || pageMap.b(slab) <= lowest) && pageMap.b(slab) >= 0,
      '[SLAB-1]',
      () =>
        `slab at page ${slab}: counts ${pageMap.a(slab)} FREE from ${pageMap.b(slab)}; ${free} are, from ${lowest}`,
    );
    return free;
  }

  private checkCached(slot: number, index: number, slab: PageIndex, offset: number, state: number): void {
    const { found, core } = this;
    const inUse = slot < core.slots.count && core.slots.inUse(slot);
    if (
      !found.expect(
        inUse,
        '[STATE-1]',
        () => `slab at page ${slab}: block cached by slot ${slot}, which is free`,
      )
    )
      return;
    const granule = offset / 2 ** core.region.granuleShift;
    let entries = this.entries.get(slot);
    if (entries === undefined) this.entries.set(slot, (entries = new Set(this.stackOf(slot, index))));
    if (entries.has(granule)) return;
    // the thread may have pushed the block after its stack was read, or popped it by now
    const holds = new Set(this.stackOf(slot, index)).has(granule) || cachingSlot(this.u8[state]) !== slot;
    found.expect(
      holds,
      '[CACHE-1]',
      () => `slab at page ${slab}: block cached by slot ${slot}, not in its stack`,
    );
  }

  private stackOf(slot: number, index: number): Int32Array {
    const page = this.core.slots.cachePage(slot);
    if (page <= 0 || page >= this.pageMap.pages) return new Int32Array(0);
    const start = pageToWord(page) + this.core.cacheLayout.stack[index];
    return this.i32.subarray(start, start + this.core.cacheLayout.capacity[index]);
  }

  private checkStateStore(): void {
    const { found, i32, pageMap, u8 } = this;
    const withFree = new Set<PageIndex>();
    for (const page of this.statePages) {
      const start = pageToOffset(page);
      const redzone = u8.subarray(start, start + LINE_SIZE).every((byte) => byte === REDZONE_BYTE);
      found.expect(redzone, '[STORE-1]', () => `state page ${page}: its redzone was written over`);
      const lines = pageMap.pageOffset(page);
      if (
        !found.expect(
          lines >= 1 && lines <= MAX_STATE_LINES,
          '[STORE-2]',
          () => `state page ${page}: runs of ${lines}`,
        )
      ) {
        continue;
      }
      let [low, high] = allFree(runsPerPage(lines));
      for (const line of this.runs.get(page) ?? []) {
        const run = (line - pageToLine(page) - 1) / lines;
        const bit = run < 32 ? low & (1 << run) : high & (1 << (run - 32));
        found.expect(
          Number.isInteger(run) && bit !== 0,
          '[STORE-2]',
          () => `line ${line}: two slabs have it, or no run`,
        );
        if (run < 32) low &= ~(1 << run);
        else high &= ~(1 << (run - 32));
      }
      found.expect(
        pageMap.a(page) === low && pageMap.b(page) === high,
        '[STORE-2]',
        () => `state page ${page}: bitmap ${pageMap.a(page)} ${pageMap.b(page)}, slabs leave ${low} ${high}`,
      );
      found.expect(this.runs.has(page), '[STORE-3]', () => `state page ${page}: kept without a run in use`);
      if (low !== 0 || high !== 0) withFree.add(page);
    }
    for (let lines = 0; lines < Extents.end - Extents.statePageHeads; lines++) {
      const head = i32[Extents.statePageHeads + lines] as PageIndex;
      this.walkList('[STORE-3]', `state pages with runs of ${lines}`, head, (page) => {
        return pageMap.pageOffset(page) === lines && withFree.delete(page);
      });
    }
    for (const page of withFree) {
      found.expect(false, '[STORE-3]', () => `state page ${page}: has a free run but is in no list`);
    }
  }

  private checkCounters(): void {
    const { i32 } = this;
    const sum = (lengths: Iterable<number>): number => [...lengths].reduce((a, b) => a + b, 0);
    const expect = (name: string, word: number, actual: number): void => {
      this.found.expect(
        i32[word] === actual,
        '[EXTENT-1]',
        () => `${name}: counts ${i32[word]}, there are ${actual}`,
      );
    };
    expect('free pages', Extents.freePages, sum(this.freePages.values()));
    expect('large extents', Extents.largeExtents, this.large.extents);
    expect('large pages', Extents.largePages, this.large.pages);
    expect('state pages', Extents.statePages, this.statePages.size);
  }
}
