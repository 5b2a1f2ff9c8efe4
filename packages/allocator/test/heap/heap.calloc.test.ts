// Large blocks of zeros: pages that nobody has written to are left alone, all others are wiped.

import { Heap } from '@vmem-ts/allocator';
import { pageToOffset } from '#src/base/units';
import { PageKind } from '#src/layout/page-map';
import { Extents, Slot, slotAt, tokenOf } from '#src/layout/region-layout';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { randomFor } from '../support/random';
import { Storage } from '../support/storage';

const MIB = 1 << 20;

/** Writes into what is free, behind the heap's back: only who wipes it removes that. */
function mark(inner: InnerHeap): void {
  for (const { page, kind, length } of inner.extents()) {
    const start = pageToOffset(page);
    if (kind === PageKind.free) inner.u8.fill(7, start, start + length * 4096);
  }
}

const bytesOf = (heap: Heap, ptr: number, size: number): Uint8Array =>
  new Uint8Array(heap.buffer, heap.byteOffset + ptr, size);

function markedIn(heap: Heap, ptr: number, size: number): number {
  let marked = 0;
  for (const byte of bytesOf(heap, ptr, size)) if (byte === 7) marked++;
  return marked;
}

test('calloc does not touch pages of a region that was zeroed', () => {
  const heap = Heap.create(new SharedArrayBuffer(16 * MIB), { zeroed: true });
  mark(new InnerHeap(heap));
  for (const size of [20_000, 300_000, 5 * MIB]) {
    const ptr = heap.calloc(1, size);
    expect(markedIn(heap, ptr, size)).toBe(size);
  }
});

test('calloc does not touch pages that a heap has just got', () => {
  const storage = new Storage(new SharedArrayBuffer(16 * MIB));
  const heap = Heap.create(storage.buffer, { size: MIB, source: storage });
  const inner = new InnerHeap(heap);
  heap.free(heap.malloc(6 * MIB));
  const ptr = heap.malloc(2 * MIB); // the heap has grown by more than that
  mark(inner);
  const next = heap.calloc(2, MIB);
  expect(markedIn(heap, next, 2 * MIB)).toBe(0); // was in use
  heap.free(next);
  heap.free(ptr);
  const fresh = heap.calloc(7, MIB);
  expect(bytesOf(heap, fresh, 7 * MIB).every((byte) => byte === 0)).toBe(true);
});

test('calloc wipes a region of which nothing is known', () => {
  const heap = Heap.create(new SharedArrayBuffer(16 * MIB));
  mark(new InnerHeap(heap));
  expect(markedIn(heap, heap.calloc(1, 5 * MIB), 5 * MIB)).toBe(0);
});

test('calloc wipes the part of a block that was used before, and no more', () => {
  const heap = Heap.create(new SharedArrayBuffer(16 * MIB), { zeroed: true });
  const inner = new InnerHeap(heap);
  heap.free(heap.malloc(3 * MIB));
  mark(inner);
  const ptr = heap.calloc(1, 5 * MIB);
  expect(markedIn(heap, ptr, 5 * MIB)).toBe(2 * MIB);
  heap.free(ptr);
  mark(inner);
  expect(markedIn(heap, heap.calloc(1, 5 * MIB), 5 * MIB)).toBe(0);
});

test('calloc wipes a block that comes from the cache of the thread', () => {
  const heap = Heap.create(new SharedArrayBuffer(16 * MIB), { zeroed: true });
  const ptr = heap.malloc(50_000);
  bytesOf(heap, ptr, 50_000).fill(7);
  heap.free(ptr);
  const again = heap.calloc(1, 50_000);
  expect(again).toBe(ptr);
  expect(markedIn(heap, again, 50_000)).toBe(0);
});

test('after a repair nothing is taken to be zero', () => {
  const threads = new FakeThreads();
  const heap = Heap.create(new SharedArrayBuffer(16 * MIB), { zeroed: true, host: threads.hostOf(11) });
  const inner = new InnerHeap(heap);
  Heap.attach(heap.handle, { host: threads.hostOf(22) });
  mark(inner);
  inner.i32[Extents.lock] = tokenOf(1, inner.i32[slotAt(1) + Slot.generation]);
  threads.kill(22);
  expect(markedIn(heap, heap.calloc(1, 5 * MIB), 5 * MIB)).toBe(0);
  expect(heap.checkReport().problems).toEqual([]);
});

test.each([
  ['in one region', false],
  ['with a disk that gives and takes', true],
])('blocks of calloc are zero under any load, %s', (name, grows) => {
  const random = randomFor(`calloc ${name}`);
  const storage = new Storage(new SharedArrayBuffer(24 * MIB));
  const heap = Heap.create(storage.buffer, grows ? { size: MIB, source: storage } : { zeroed: true });
  const model = new ModelHeap(heap);
  for (let step = 0; step < 6000; step++) {
    const size = 16_385 + random.size(random.chance(5) ? 4 * MIB : 200_000);
    const kind = random.below(100);
    if (kind < 30) model.calloc(1, size);
    else if (kind < 45) model.malloc(size);
    else if (kind < 50) model.alignedAlloc(2 ** random.between(12, 20), size);
    else if (model.liveBlocks === 0) continue;
    else if (kind < 60) model.realloc(random.pick(model.pointers), size);
    else model.free(random.pick(model.pointers));
  }
  model.verifyAll();
  model.freeAll();
});
