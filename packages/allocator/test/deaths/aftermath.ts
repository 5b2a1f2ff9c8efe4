// What must be true after a thread has died at some instant, and what the others find out about it.

import { strict as assert } from 'node:assert';
import type { Heap } from '@vmem-ts/allocator';
import { MAX_SLOTS } from '#src/layout/block-state';
import { PageKind } from '#src/layout/page-map';
import { Backing, Bin, Calls, Extents, Slot, binAt, slotAt } from '#src/layout/region-layout';
import { CLASS_COUNT } from '#src/slab/size-classes';
import { FakeThreads } from '../support/fake-threads';
import { isUntouched, type Held, type Holdings } from './hands';
import { liveBlocks } from './live-blocks';
import type { Naps } from '../support/naps';
import type { Moment } from './recording';
import { GUEST, MORTAL, SLOTS, SURVIVOR, type Scene } from './scene';
import { PURGING, REAPING, SURVIVORS, checks, walks, type Living } from './survivors';
import { twinOf } from './twin';

/** With a death note that is carried out, or without a word. */
export type Manner = 'loud' | 'silent';

const LATECOMER = 66;

const LOCKS: readonly number[] = [
  Backing.lock,
  Calls.standstill,
  Extents.lock,
  ...Array.from({ length: MAX_SLOTS }, (_, slot) => slotAt(slot) + Slot.gate),
  ...Array.from({ length: CLASS_COUNT }, (_, i) => binAt(i) + Bin.lock),
];

/** What was seen in the aftermaths of many deaths. */
export class Findings {
  operations = 0;
  /** Writes at which, or after which, a thread died. */
  deaths = 0;
  /** Of these, those that left something else behind than the one before; in each manner, on each system. */
  aftermaths = 0;
  /** Blocks that a thread had been given and had not been told of, in all, and most in one death. */
  orphans = 0;
  mostOrphans = 0;
  /** Milliseconds for which a survivor's operation slept, at most, and which that was. */
  longestStall = 0;
  stalledIn = '';

  add(other: Findings): void {
    this.operations += other.operations;
    this.deaths += other.deaths;
    this.aftermaths += other.aftermaths;
    this.orphans += other.orphans;
    this.mostOrphans = Math.max(this.mostOrphans, other.mostOrphans);
    this.stalled(other.longestStall, other.stalledIn);
  }

  stalled(milliseconds: number, operation: string): void {
    if (milliseconds <= this.longestStall) return;
    this.longestStall = milliseconds;
    this.stalledIn = operation;
  }

  print(title: string): void {
    const { operations, deaths, aftermaths, orphans, mostOrphans, longestStall, stalledIn } = this;
    process.stderr.write(
      `${title}: ${operations} operations, ${deaths} deaths, ${aftermaths} aftermaths; ` +
        `longest stall ${longestStall} naps of 1 ms in ${stalledIn || 'nothing'}; ` +
        `${orphans} orphans, at most ${mostOrphans} in a death\n`,
    );
  }
}

/** The survivors of one death. The memory is as it was when it happened. */
export class Aftermath {
  readonly threads: FakeThreads;
  private readonly heap: Heap;
  private readonly guest: Heap | undefined;
  private readonly live: Map<number, number>;
  private readonly left: Held[];

  constructor(
    private readonly scene: Scene,
    private readonly moment: Moment,
    private readonly manner: Manner,
    private readonly naps: Naps,
    private readonly findings: Findings,
    /** Naps that one operation of a survivor may take, for all the dead together. */
    private readonly mostNaps: number,
  ) {
    const { heap, storage, place, inner } = scene;
    this.threads = new FakeThreads(place.hasBarrier);
    for (const tid of moment.dead) this.threads.killSilently(tid);
    if (storage !== undefined) {
      storage.state = moment.storage!;
      storage.limit = Infinity;
      storage.canDrop = true;
    }
    const twin = (tid: number): Heap =>
      twinOf(heap.handle, inner.slotOf(tid), this.threads.hostOf(tid), storage);
    this.heap = twin(SURVIVOR);
    this.guest = scene.guest && twin(GUEST);
    this.live = liveBlocks(inner);
    this.left = this.usableBlocks(moment.holdings);
  }

  /** Those of the dead, first the one that it was freeing or resizing if that still has all its bytes. */
  private usableBlocks({ blocks, leaving }: Holdings): Held[] {
    const isWhole = ({ ptr, size }: Held): boolean => (this.live.get(ptr) ?? 0) >= size;
    const [going, staying] = [true, false].map((is) => blocks.filter(({ ptr }) => leaving.has(ptr) === is));
    return [...going.filter(isWhole), ...staying];
  }

  /** What the dead had, and nothing else, is live beside the blocks of the others, and nobody has written into any. */
  expectHoldings(): void {
    const { live, moment, scene, findings } = this;
    const { blocks, leaving, coming } = moment.holdings;
    const memory = scene.inner.u8;
    const orphans = new Map(live);
    for (const ptr of scene.orphans) assert(orphans.delete(ptr), `the block at ${ptr} is not live any more`);
    for (const block of [...scene.kept, ...blocks]) {
      const { ptr, size } = block;
      const usable = live.get(ptr);
      orphans.delete(ptr);
      if (usable === undefined) {
        assert(leaving.has(ptr), `the block of ${size} bytes at ${ptr} is not live`);
        continue;
      }
      assert(usable >= size || leaving.has(ptr), `the block of ${size} bytes at ${ptr} has ${usable}`);
      assert(isUntouched(memory, block, Math.min(size, usable)), `the block at ${ptr} was written over`);
    }
    assert(
      orphans.size <= coming.count,
      `${orphans.size} blocks are live that nobody has: ${[...orphans.keys()].join()}`,
    );
    for (const usable of orphans.values())
      assert(usable >= coming.size, `${usable} bytes for ${coming.size}`);
    findings.orphans += orphans.size;
    findings.mostOrphans = Math.max(findings.mostOrphans, orphans.size);
  }

  die(): void {
    const { threads, moment, manner, scene } = this;
    threads.hostOf(MORTAL).onDeath(scene.heap.buffer, moment.notes);
    if (manner === 'loud') threads.kill(MORTAL);
    else threads.killSilently(MORTAL);
  }

  /** Every operation of the survivors, beginning with number `first`. */
  liveOn(first: number): void {
    for (let i = 0; i < SURVIVORS.length; i++) {
      const [name, act] = SURVIVORS[(first + i) % SURVIVORS.length];
      const by = i % 2 === 1 && this.guest !== undefined ? this.guest : this.heap;
      const stall = this.naps.of(() => {
        named(name, () => act(this.living(by)));
      });
      this.findings.stalled(stall, name);
      assert(stall <= this.mostNaps, `${name} slept ${stall} times`);
      if (name === REAPING) this.expectNoLocks();
      if (name === PURGING) this.expectStorage();
    }
    this.expectContents();
  }

  /** Nothing of the dead is left but its blocks, and when all blocks are freed, all memory is there again. */
  expectNothingLost(): void {
    const { heap, guest, scene, live } = this;
    named('a last look', () => {
      walks(this.living(heap));
      const ptrs = [...live.keys()];
      const half = ptrs.length >> 1;
      for (const ptr of ptrs.slice(0, half)) heap.free(ptr);
      heap.freeMany(ptrs.slice(half));
      live.clear();
      guest?.detach();
      assert.equal(heap.malloc(heap.size), 0);
      checks(this.living(heap));
      this.expectEmpty();
      // all of it in one piece; a heap that can grow has it when it has grown
      const bytes = scene.pagesAtFirst * 4096;
      const all = heap.malloc(bytes);
      assert.notEqual(all, 0, `no block of ${bytes} bytes in the empty heap`);
      heap.free(all);
      this.expectAllBacked();
    });
  }

  private living(by: Heap): Living {
    const { scene, threads, live, left } = this;
    const { storage, inner, isFull } = scene;
    const host = threads.hostOf(LATECOMER);
    const options = storage === undefined ? { host } : { host, source: storage };
    return { heap: by, memory: inner.u8, left, live, isFull, options };
  }

  /** Who has reaped the dead has left none of their locks for others to find. */
  private expectNoLocks(): void {
    const { i32 } = this.scene.inner;
    const held = LOCKS.filter((at) => i32[at] !== 0);
    assert.equal(held.join(), '', 'words of locks that somebody still has');
  }

  private expectContents(): void {
    const { scene, left, live } = this;
    for (const block of [...scene.kept, ...left]) {
      assert(
        live.has(block.ptr) && isUntouched(scene.inner.u8, block, block.size),
        `${block.ptr} was written over`,
      );
    }
  }

  /** The heap is as it was when one thread had attached. */
  private expectEmpty(): void {
    const { heap, scene } = this;
    const { inner, pagesAtFirst, place } = scene;
    const { liveBlocks: liveCount, cached, slabFree, threads } = heap.stats();
    assert.deepEqual(
      { liveCount, cached, slabFree, threads },
      { liveCount: 0, cached: 0, slabFree: 0, threads: 1 },
    );
    for (let slot = 1; slot < (place.slots ?? SLOTS); slot++) {
      const words = [Slot.owner, Slot.cachePage, Slot.busy, Slot.gate].map(
        (word) => inner.i32[slotAt(slot) + word],
      );
      assert.deepEqual(words, [0, 0, 0, 0], `slot ${slot}: owner, cache, busy, gate`);
    }
    const kinds = inner.extents().map(({ kind }) => kind);
    const others = kinds.filter((kind) => kind !== PageKind.free && kind !== PageKind.unbacked);
    assert.deepEqual(others, [PageKind.reserved, PageKind.cache]);
    assert.equal(scene.freePages + inner.i32[Extents.unbackedPages], pagesAtFirst, 'free pages');
    if (scene.storage === undefined)
      assert.equal(kinds.length, 3, `${kinds.join()}: the free pages are in pieces`);
  }

  /** Exactly the pages have storage that the page map says have it. */
  private expectStorage(): void {
    const { storage, inner } = this.scene;
    if (storage === undefined) return;
    const { state } = storage;
    assert.equal(inner.i32[Backing.page], 0);
    for (const { page, kind, length } of inner.extents()) {
      if (kind === PageKind.reserved) continue; // tables; who died may have left a page of theirs uncounted
      const has = state.subarray(page, page + length).includes(kind === PageKind.unbacked ? 1 : 0);
      assert(!has, `pages from ${page} on: ${kind === PageKind.unbacked ? 'storage' : 'none'}`);
    }
  }

  /** All pages have storage, and nothing was written where there was none. */
  private expectAllBacked(): void {
    const { storage } = this.scene;
    if (storage === undefined) return;
    this.expectStorage();
    assert.equal(this.heap.stats().backed, storage.bytes);
    assert.deepEqual(storage.strayPages(), []);
  }
}

function named(name: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}
