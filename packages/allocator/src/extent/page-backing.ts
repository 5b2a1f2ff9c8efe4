// Which pages have storage: a region that has more address space than storage grows here, in steps, and free pages give
// theirs back.
//
// Whoever changes that has the backing lock, for as long as the file system takes for one range; all others go on
// meanwhile, and the extent lock is only taken to look and to publish. Before the source is called, the range is written
// down; if the thread dies or fails then, the next one finds the range, takes its storage away if it was not published,
// and goes on.
//
// Of the page map a prefix has storage. It is extended before the pages that it describes are published, and reaches
// one record further, to the tag of the unbacked extent that follows.

import { VmemError } from '../base/errors';
import { NULL_PAGE, PAGE_SIZE, asPage, type PageIndex } from '../base/units';
import type { Region } from '../layout/region';
import {
  Backing,
  Extents,
  PAGE_MAP,
  Storage,
  UsagePolicy,
  emptyMapPages,
  isPlausibleMap,
  mapPagesOf,
  recordsIn,
} from '../layout/region-layout';
import type { OwnedLocks } from '../sync/lock';
import { LONG_FREE, type ExtentAllocator } from './extent-allocator';
import { OWN_END } from './free-extents';
import { planExtension, planGrowth, planOwnGrowth, type GrowthStep } from './growth-plan';
import type { PageSource } from './page-source';

/** A region grows by at least 4 MiB or an eighth of its size, if there is room: steps cost system calls. */
const LEAST_STEP = 1024;
const STEP_SHARE = 8;

/** Shorter holes than 64 KiB are not worth their system calls, unless they make two holes one. */
const LEAST_HOLE = 16;
/** Each hole splits a mapping, of which Linux allows 65,530 in a process (vm.max_map_count). */
const MOST_HOLES = 4096;

/** Which free extents give their storage back. */
interface Dropped {
  /** Those of so many pages. */
  readonly least: number;
  /** And those between two holes: to look for one is a walk over all holes. */
  readonly joinsHoles: boolean;
}

const BY_PURGE: Dropped = { least: LEAST_HOLE, joinsHoles: true };
const BY_POLICY: Dropped = { least: LONG_FREE, joinsHoles: false };

/** Errors that no source throws. */
const OF_THE_HEAP = ['ECLOSED', 'ECORRUPT'];

const OUT_OF_ROOM = ['ENOSPC', 'EDQUOT', 'EFBIG', 'ENOMEM'];

/** That of a heap whose storage can't change: pages without any are used as they are. */
const FIXED: PageSource = { back: () => undefined, drop: () => false };

/** Whether the pages can be a range whose storage changes. */
export const isPlausible = ({ firstDataPage, pages }: Region, page: number, count: number): boolean =>
  page >= firstDataPage && count > 0 && page + count <= pages;

export class PageBacking {
  private readonly i32: Int32Array;

  constructor(
    private readonly region: Region,
    private readonly locks: OwnedLocks,
    private readonly extents: ExtentAllocator,
    private readonly source: PageSource | undefined,
  ) {
    this.i32 = region.i32;
  }

  /**
   * Gives the first pages of a new region storage: of `pages` pages, its tables' among them. Only `create` calls this.
   * @returns data pages that have storage
   */
  begin(pages: number, policy: UsagePolicy): number {
    const { i32, region } = this;
    const first = region.firstDataPage;
    if (pages === region.pages) {
      i32[Backing.policy] = policy;
      i32[Backing.mapped] = region.pages;
      return region.pages - first;
    }
    // a page of the map describes itself, at most two more begin or end inside the range
    const dataPages = pages - PAGE_MAP - 3 - mapPagesOf(pages);
    this.source?.back(0, (PAGE_MAP + 1) * PAGE_SIZE);
    // the tables' own records are empty but for the first
    const skipped = emptyMapPages(first);
    i32[Backing.skipped] = skipped;
    i32[Backing.policy] = policy;
    i32[Backing.mapped] = Math.min(recordsIn(1 + skipped), region.pages);
    this.mapRecords(this.source, first + dataPages);
    this.source?.back(first * PAGE_SIZE, dataPages * PAGE_SIZE);
    return dataPages;
  }

  /**
   * Has room made for `pages` pages at a multiple of `alignment` pages, and for `own` pages of the heap's own; false if there
   * is none. Another thread may take it before the caller does. The caller holds no lock.
   */
  grow(pages: number, alignment: number, own: number): boolean {
    // no look at the counters: they change in steps while another thread has the extent lock
    if (this.source === undefined) return false;
    return this.changing(this.source, false, (source) => {
      const plans = this.plans(pages, alignment, own);
      if (plans === undefined) return true;
      return plans.some((plan) => plan.length > 0 && plan.every((step) => this.take(source, step)));
    });
  }

  /** Whether the heap can grow, and has to for an extent of `pages` pages. The caller holds no lock. */
  isNeededFor(pages: number): boolean {
    if (this.source === undefined || pages > this.region.pages) return false;
    return this.extents.locked(() => this.extents.free.find(pages)) === NULL_PAGE;
  }

  /**
   * Has the `more` pages from `page` on made free; false if there is no room. Another thread may take them before the caller
   * does. The caller holds no lock.
   */
  extend(page: PageIndex, more: number): boolean {
    if (this.source === undefined) return false;
    return this.changing(this.source, false, (source) => {
      const plan = this.extents.locked(() => planExtension(this.region, page, more));
      return plan?.every((step) => this.take(source, step)) ?? false;
    });
  }

  /** Waits until nobody is at it any more; whoever comes later finds the heap closed. */
  awaitChange(): void {
    if (this.source !== undefined) this.still(() => undefined);
  }

  /** Gives the storage of free pages back. The caller holds no lock. Bytes. */
  purge(): number {
    if (this.source === undefined) return 0;
    return this.dropFree(this.source, BY_PURGE) * PAGE_SIZE;
  }

  /**
   * To be called when this thread has given pages back and holds no lock: does what the policy says. Where the source fails,
   * that waits for the next change of storage: what the caller was called for is done.
   */
  settle(): void {
    if (!this.extents.hasLongFree) return;
    this.extents.hasLongFree = false;
    if (this.source === undefined || !this.isConservative) return;
    try {
      this.dropFree(this.source, BY_POLICY);
    } catch (error) {
      if (!(error instanceof VmemError) || OF_THE_HEAP.includes(error.code)) throw error;
    }
  }

  private get isConservative(): boolean {
    return this.i32[Backing.policy] === UsagePolicy.conservative;
  }

  /**
   * Takes the storage of free extents away, of the longest first. File systems take up to some milliseconds for each, so
   * whoever wants to grow comes in between. Pages.
   */
  private dropFree(source: PageSource, which: Dropped): number {
    let pages = 0;
    // those may leave new free extents behind: no more goes than there is now, which is a guess without the extent lock
    const most = Math.max(1, this.i32[Extents.freePages]);
    while (pages < most) {
      const dropped = this.changing(source, 0, (now) => this.dropOne(now, which));
      if (dropped === 0) break;
      pages += dropped;
      this.locks.giveWay(Backing.lock);
    }
    return pages;
  }

  /** Takes the storage of one free extent away. Pages; 0 if none of them should go. */
  private dropOne(source: PageSource, which: Dropped): number {
    const { i32, extents } = this;
    if (!this.withdraw(which)) return 0;
    const page = asPage(i32[Backing.page]);
    const length = i32[Backing.pages];
    const isDropped = source.drop(page * PAGE_SIZE, length * PAGE_SIZE);
    extents.locked(() => {
      if (isDropped) extents.unbacked.join(extents.unbacked.having(page, length));
      else extents.publish(page, length, false);
    });
    i32[Backing.page] = NULL_PAGE;
    return isDropped ? length : 0;
  }

  /** Makes one free extent unbacked and writes it down; false if none should be. */
  private withdraw(which: Dropped): boolean {
    const { extents, region } = this;
    return extents.locked(() => {
      const page = this.worthDropping(which);
      if (page === NULL_PAGE) return false;
      this.begun(page, region.pageMap.length(page));
      extents.withdraw(page);
      return true;
    });
  }

  /**
   * The longest free extent, unless it has less than `least` pages, or makes one hole too many. Then, with `joinsHoles`, one of
   * any length that makes two holes one.
   */
  private worthDropping({ least, joinsHoles }: Dropped): PageIndex {
    const { free, unbacked } = this.extents;
    const longest = free.longest();
    const isLong = longest !== NULL_PAGE && this.region.pageMap.length(longest) >= least;
    const hasRoom = this.i32[Extents.unbackedExtents] < MOST_HOLES;
    if (isLong && (hasRoom || unbacked.isBeside(longest))) return longest;
    return joinsHoles ? unbacked.between() : NULL_PAGE;
  }

  /** Runs `action` with the backing lock, so that nothing becomes backed or unbacked meanwhile. */
  still<T>(action: () => T): T {
    return this.locks.during(Backing.lock, action);
  }

  /** The same for changes, with whatever was left half done put right; `otherwise` if there is no room for that. */
  private changing<T>(source: PageSource, otherwise: T, action: (source: PageSource) => T): T {
    return this.still(() => {
      if (!this.region.isOpen) throw new VmemError('ECLOSED', 'the heap was deleted');
      const now = this.isFixed ? FIXED : source;
      return this.finish(now) ? action(now) : otherwise;
    });
  }

  /** Runs `action` with the backing lock, and as far as possible with nothing that a dead thread left half done. */
  atRest<T>(action: () => T): T {
    return this.still(() => {
      if (this.source !== undefined) this.finish(this.isFixed ? FIXED : this.source);
      return action();
    });
  }

  private get isFixed(): boolean {
    const storage = this.i32[Backing.storage];
    return storage === Storage.frozen || storage === Storage.borrowed;
  }

  /** Undefined if there is room now. */
  private plans(pages: number, alignment: number, own: number): GrowthStep[][] | undefined {
    const { extents, region } = this;
    return extents.locked(() => {
      const found = alignment === 1 ? extents.free.find(pages) : extents.free.findAligned(pages, alignment);
      if (found === NULL_PAGE) return planGrowth(region, extents, pages, alignment);
      const hasOwn = own === 0 || extents.free.findBelow(own, OWN_END) !== NULL_PAGE;
      return hasOwn ? undefined : planOwnGrowth(region, extents, own);
    });
  }

  private take(source: PageSource, { page, least, most }: GrowthStep): boolean {
    const share = Math.floor(this.region.backedDataPages / STEP_SHARE);
    const step = this.isConservative ? LONG_FREE : Math.max(LEAST_STEP, share);
    const wanted = Math.min(most, Math.max(least, step));
    return this.tryToBack(source, page, wanted) || (wanted > least && this.tryToBack(source, page, least));
  }

  private tryToBack(source: PageSource, page: PageIndex, pages: number): boolean {
    try {
      this.mapRecords(source, page + pages);
      this.begun(page, pages);
      source.back(page * PAGE_SIZE, pages * PAGE_SIZE);
    } catch (error) {
      // the source has left the range as it was: with nothing to be put right, calls that need no storage go on
      if (error instanceof VmemError) this.i32[Backing.page] = NULL_PAGE;
      if (!isOutOfRoom(error)) throw error;
      return false;
    }
    this.extents.locked(() => {
      this.extents.publish(page, pages, source !== FIXED); // nobody knows what is in a page that was not asked for
    });
    this.i32[Backing.page] = NULL_PAGE;
    return true;
  }

  /** Gives the records of pages below `end`, and that of page `end`, storage. */
  private mapRecords(source: PageSource | undefined, end: number): void {
    const { i32, region } = this;
    const mapped = i32[Backing.mapped];
    if (end < mapped || mapped === region.pages) return;
    if (!isPlausibleMap(mapped, region.pages))
      throw new VmemError('ECORRUPT', `[BACKING-1] ${mapped} page records have storage`);
    const from = PAGE_MAP + mapPagesOf(mapped);
    const to = Math.min(PAGE_MAP + mapPagesOf(end + 1), region.firstDataPage);
    source?.back(from * PAGE_SIZE, (to - from) * PAGE_SIZE);
    i32[Backing.mapped] = Math.min(recordsIn(to - PAGE_MAP), region.pages);
  }

  private begun(page: PageIndex, pages: number): void {
    this.i32[Backing.pages] = pages;
    this.i32[Backing.page] = page;
  }

  /**
   * Takes away what the range that was written down has of storage, unless it was published. Where that can't be, it gets
   * the rest; false if there is no room for that.
   */
  private finish(source: PageSource): boolean {
    const { i32, extents } = this;
    const page = asPage(i32[Backing.page]);
    if (page === NULL_PAGE) return true;
    const pages = i32[Backing.pages];
    if (!isPlausible(this.region, page, pages))
      throw new VmemError('ECORRUPT', `[BACKING-2] ${pages} pages at page ${page} are written down`);
    const isUnbacked = extents.locked(() => extents.unbacked.around(page, pages) !== NULL_PAGE);
    if (isUnbacked && !source.drop(page * PAGE_SIZE, pages * PAGE_SIZE)) {
      try {
        source.back(page * PAGE_SIZE, pages * PAGE_SIZE);
      } catch (error) {
        if (isOutOfRoom(error)) return false;
        throw error;
      }
      extents.locked(() => {
        extents.publish(page, pages, false);
      });
    }
    i32[Backing.page] = NULL_PAGE;
    return true;
  }
}

const isOutOfRoom = (error: unknown): boolean =>
  error instanceof VmemError && OUT_OF_ROOM.includes(error.code);
