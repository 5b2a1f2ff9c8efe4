// What a dead thread leaves that was changing which pages have storage, in single cases; `deaths` has the others.

import { Heap } from '@vmem-ts/allocator';
import { Backing, Extents, Slot, slotAt, tokenOf } from '#src/layout/region-layout';
import { Naps } from '../support/naps';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { MortalThread } from '../support/mortal-thread';
import { Storage } from '../support/storage';

const MIB = 1 << 20;
const MAX_SIZE = 12 * MIB;
const SURVIVOR = 11;
const MORTAL = 22;
const MORTAL_SLOT = 1;

class Scene {
  readonly threads = new FakeThreads();
  readonly storage = new Storage(new SharedArrayBuffer(MAX_SIZE));
  readonly heap: Heap = Heap.create(this.storage.buffer, {
    size: MIB,
    cacheBytes: 64,
    threads: 2,
    source: this.storage,
    host: this.threads.hostOf(SURVIVOR),
  });
  readonly inner = new InnerHeap(this.heap);
  readonly model = new ModelHeap(this.heap);
  readonly mortal = new MortalThread(this.threads.hostOf(MORTAL), this.storage);
  theirs!: Heap;

  constructor() {
    for (const size of [24, 3000, 16_384, 60_000]) this.model.malloc(size);
  }

  attachMortal(): void {
    this.mortal.run(() => (this.theirs = this.mortal.attach(this.heap.handle)));
  }

  /** What must be true as soon as the survivor has noticed the death. */
  expectRecovered(): void {
    const { heap, inner, model, storage } = this;
    expect(heap.stats().threads).toBe(1);
    expect(heap.checkReport().problems).toEqual([]);
    // as much as there can be: all of it has storage, and what the dead left half done is part of it
    const before = heap.stats().liveBlocks;
    const large = heap.malloc(6 * MIB);
    expect(large).toBeGreaterThan(0);
    expect(inner.i32[Backing.page]).toBe(0);
    expect(heap.checkReport().problems).toEqual([]);
    expect(storage.strayPages()).toEqual([]);
    expect(heap.stats().backed).toBe(storage.bytes);
    heap.free(large);
    expect(heap.stats().liveBlocks).toBe(before);
    for (const ptr of [...model.pointers]) model.free(ptr);
  }
}

test('the locks of a dead thread that was growing delay nobody for more than some naps of 1 ms', () => {
  for (const locks of [[Backing.lock], [Backing.lock, Extents.lock]]) {
    const scene = new Scene();
    scene.attachMortal();
    const { i32 } = scene.inner;
    scene.threads.killSilently(MORTAL);
    const token = tokenOf(MORTAL_SLOT, i32[slotAt(MORTAL_SLOT) + Slot.generation]);
    for (const lock of locks) i32[lock] = token;
    const naps = new Naps();
    naps.during(() => expect(scene.heap.malloc(7 * MIB)).toBeGreaterThan(0));
    expect(naps.total).toBeLessThan(10);
    scene.threads.kill(MORTAL);
  }
});

test('a repair keeps what has no storage apart', () => {
  const scene = new Scene();
  scene.attachMortal();
  const { i32 } = scene.inner;
  scene.threads.killSilently(MORTAL);
  i32[Extents.lock] = tokenOf(MORTAL_SLOT, i32[slotAt(MORTAL_SLOT) + Slot.generation]);
  i32.fill(-1, Extents.counters, Extents.unbacked + 1);
  Heap.attach(scene.heap.handle, { host: scene.threads.hostOf(33), source: scene.storage }).detach();
  scene.expectRecovered();
});
