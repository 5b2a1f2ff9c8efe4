// A region: the shared memory of one heap as this thread sees it, and its identity.

import { VmemError } from '../base/errors';
import { PAGE_SHIFT, PAGE_SIZE } from '../base/units';
import { MAX_SLOTS } from './block-state';
import { PageMap, PageRecord } from './page-map';
import {
  FORMAT_VERSION,
  Backing,
  Extents,
  Identity,
  MAGIC_HIGH,
  MAGIC_LOW,
  PAGE_MAP,
  PAGE_MAP_WORD,
  RegionState,
  firstDataPageFor,
  mapPagesOf,
} from './region-layout';

/** Bytes of the smallest region that a heap can be made in. */
export const MIN_REGION = 256 * 1024;
/** Bytes, 480 GiB: the page map takes 2.8 GiB of that, which leaves more than 1 GiB below 4 GiB for the states of small blocks. */
export const MAX_REGION = 480 * 2 ** 30;

export interface RegionGeometry {
  readonly classCount: number;
  readonly cacheBytes: number;
  readonly slots: number;
}

export class Region {
  /** The whole region; explicit lengths, because V8 is slow on views that track a growable buffer's length. */
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly pageMap: PageMap;
  readonly pages: number;
  /** Id of the heap that this thread made or attached to: the memory may be used for another one later. */
  openedAs: readonly [number, number] = [0, 0];

  constructor(
    readonly buffer: SharedArrayBuffer | ArrayBuffer,
    readonly byteOffset: number,
    size: number,
  ) {
    this.pages = Math.floor(size / PAGE_SIZE);
    this.u8 = new Uint8Array(buffer, byteOffset, this.pages * PAGE_SIZE);
    this.i32 = new Int32Array(buffer, byteOffset, this.pages * (PAGE_SIZE / 4));
    this.pageMap = new PageMap(
      this.i32.subarray(PAGE_MAP_WORD, firstDataPageFor(this.pages) * (PAGE_SIZE / 4)),
      this.pages,
    );
  }

  get size(): number {
    return this.pages * PAGE_SIZE;
  }

  get firstDataPage(): number {
    return firstDataPageFor(this.pages);
  }

  /** log2 of the bytes of a granule: every granule index fits 31 bits. */
  get granuleShift(): number {
    let shift = 3;
    while (this.pages / 2 ** (31 + shift - PAGE_SHIFT) > 1) shift++;
    return shift;
  }

  /** Bytes that have storage. */
  get backedSize(): number {
    const { i32 } = this;
    const tables = PAGE_MAP + mapPagesOf(i32[Backing.mapped]) - i32[Backing.skipped];
    return (tables + this.backedDataPages) * PAGE_SIZE;
  }

  /** Pages behind the tables that have storage. A guess if the extent lock is not held. */
  get backedDataPages(): number {
    return this.pages - this.firstDataPage - this.i32[Extents.unbackedPages];
  }

  /** False once the heap that this thread made or attached to is closed. */
  get isOpen(): boolean {
    // any other state than these two, of a heap with our id, is damage, which `check` reports
    return this.i32[Identity.state] !== RegionState.closed && this.isOf(this.openedAs);
  }

  /** Another heap, or none, has another id in both words; in one of them, it is damage. */
  private isOf(id: readonly [number, number]): boolean {
    return this.i32[Identity.idLow] === id[0] || this.i32[Identity.idHigh] === id[1];
  }

  /** Wipes what describes an older heap. */
  wipe(): void {
    this.i32.fill(0, 0, PAGE_MAP_WORD + this.pageMap.words.length);
  }

  /** Writes the identity but for the state. */
  writeIdentity(geometry: RegionGeometry, id: readonly [number, number]): void {
    const { i32 } = this;
    i32[Identity.version] = FORMAT_VERSION;
    i32[Identity.pages] = this.pages;
    i32[Identity.firstDataPage] = this.firstDataPage;
    i32[Identity.granuleShift] = this.granuleShift;
    i32[Identity.classCount] = geometry.classCount;
    i32[Identity.cacheBytes] = geometry.cacheBytes;
    i32[Identity.slots] = geometry.slots;
    i32[Identity.idLow] = id[0];
    i32[Identity.idHigh] = id[1];
    this.openedAs = id;
  }

  /** The last step of `create`: from here on the region is a heap. */
  open(): void {
    this.i32[Identity.magicHigh] = MAGIC_HIGH;
    this.i32[Identity.magicLow] = MAGIC_LOW;
    // publishes the whole heap; its partner is the load in `validate` of whoever attaches
    Atomics.store(this.i32, Identity.state, RegionState.open);
  }

  /** Wipes the page map, as far as it has storage. */
  wipeMap(): void {
    this.pageMap.words.fill(0, 0, this.i32[Backing.mapped] * PageRecord.words);
  }

  /** Returns true in the one thread that closed it. */
  close(): boolean {
    const old = Atomics.compareExchange(this.i32, Identity.state, RegionState.open, RegionState.closed);
    return old === RegionState.open;
  }

  /**
   * Refuses a region that is not an open heap of this format: magic and version before anything else is read.
   * @throws VmemError ECLOSED, EINVAL, ECORRUPT
   */
  validate(classCount: number, id: readonly [number, number]): RegionGeometry {
    this.requireNotClosed();
    try {
      return this.readIdentity(classCount, id);
    } catch (error) {
      this.requireNotClosed(); // what was read may be what another thread's `delete` had left by then
      throw error;
    }
  }

  private requireNotClosed(): void {
    const { i32 } = this;
    const state = Atomics.load(i32, Identity.state);
    if (state === RegionState.closed) throw new VmemError('ECLOSED', 'the heap of this handle was deleted');
    if (i32[Identity.magicLow] !== MAGIC_LOW && i32[Identity.magicHigh] !== MAGIC_HIGH) {
      throw new VmemError('ECLOSED', 'the heap of this handle was deleted: its region is empty');
    }
  }

  private readIdentity(classCount: number, id: readonly [number, number]): RegionGeometry {
    const { i32 } = this;
    if (i32[Identity.version] !== FORMAT_VERSION) {
      throw new VmemError(
        'EINVAL',
        `the region has format version ${i32[Identity.version]}, this allocator reads version ${FORMAT_VERSION}`,
      );
    }
    if (!this.isOf(id)) {
      throw new VmemError('ECLOSED', 'the region now holds another heap than the handle names');
    }
    const expect = (what: string, word: Identity, expected: number): void => {
      if (i32[word] !== expected) {
        throw new VmemError('ECORRUPT', `[HEAD-2] identity: ${what} is ${i32[word]}, expected ${expected}`);
      }
    };
    expect('first word', Identity.magicLow, MAGIC_LOW);
    expect('second word', Identity.magicHigh, MAGIC_HIGH);
    expect('id', Identity.idLow, id[0]);
    expect('id', Identity.idHigh, id[1]);
    expect('state', Identity.state, RegionState.open);
    expect('number of pages', Identity.pages, this.pages);
    expect('first data page', Identity.firstDataPage, this.firstDataPage);
    expect('granule shift', Identity.granuleShift, this.granuleShift);
    expect('number of size classes', Identity.classCount, classCount);
    const cacheBytes = i32[Identity.cacheBytes];
    const slots = i32[Identity.slots];
    if (cacheBytes < 64 || cacheBytes > 1 << 20 || slots < 1 || slots > MAX_SLOTS) {
      throw new VmemError('ECORRUPT', `[HEAD-2] identity: ${cacheBytes} bytes a cache, ${slots} slots`);
    }
    this.openedAs = id;
    return { classCount, cacheBytes, slots };
  }
}
