// Heaps that begin small and get storage as they need it, against a disk of the test's own.

import { Heap, VmemError, type HeapOptions } from '@vmem-ts/allocator';
import * as extentWalk from '#src/extent/extent-walk';
import { PageKind } from '#src/layout/page-map';
import { Backing, Extents } from '#src/layout/region-layout';
import { OwnedLocks } from '#src/sync/lock';
import { exhaust } from '../support/exhaust';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { randomFor, type Random } from '../support/random';
import { Storage } from '../support/storage';
import { codeOf } from '../support/thrown';

const MIB = 1 << 20;
const PAGE = 4096;

interface Grown {
  readonly heap: Heap;
  readonly storage: Storage;
}

function growable(maxSize: number, size: number, options: HeapOptions = {}): Grown {
  const storage = new Storage(new SharedArrayBuffer(maxSize));
  if (size === maxSize) storage.back(0, size);
  return { storage, heap: Heap.create(storage.buffer, { size, source: storage, threads: 8, ...options }) };
}

function expectSound({ heap, storage }: Grown): void {
  expect(heap.checkReport().problems).toEqual([]);
  expect(storage.strayPages()).toEqual([]);
  const { size, backed, live, cached, slabFree, pagesFree, overhead } = heap.stats();
  expect(backed).toBe(storage.bytes);
  expect(backed).toBe(live + cached + slabFree + pagesFree + overhead);
  expect(size).toBe(storage.buffer.byteLength);
}

describe('a heap that grows', () => {
  test.each([
    [500 * 1024, 256 * 1024],
    [600 * 1024, 256 * 1024],
    [MIB, 256 * 1024],
    [8 * MIB, MIB],
    [64 * MIB, 14 * MIB],
    [256 * MIB, 256 * 1024],
    [256 * MIB, 256 * MIB - PAGE],
    [256 * MIB, 256 * MIB],
  ])('of at most %d bytes begins with %d', (maxSize, size) => {
    const grown = growable(maxSize, size);
    expectSound(grown);
    const { backed, pagesFree } = grown.heap.stats();
    expect(backed).toBeLessThanOrEqual(size);
    expect(backed).toBeGreaterThan(size - 4 * PAGE - size / 4096);
    if (size >= MIB) expect(pagesFree).toBeGreaterThan(0.6 * size);
  });

  test('gives all that it can be in blocks of any size, and then one large block again', () => {
    for (const size of [24, 1000, 20_000, 3 * MIB]) {
      const grown = growable(64 * MIB, MIB);
      const { heap } = grown;
      const pointers = exhaust(heap, size);
      const bytes = pointers.length * heap.usableSize(pointers[0]);
      expect({ size, enough: bytes > 0.85 * 64 * MIB }).toEqual({ size, enough: true });
      expectSound(grown);
      for (const ptr of pointers) heap.free(ptr);
      expectSound(grown);
      const whole = heap.malloc(Math.floor(0.97 * 63 * MIB));
      expect(whole).toBeGreaterThan(0);
      heap.free(whole);
    }
  });

  test('gives one block that is larger than all that it has', () => {
    const grown = growable(64 * MIB, MIB);
    const ptr = grown.heap.malloc(60 * MIB);
    expect(ptr).toBeGreaterThan(0);
    expectSound(grown);
    grown.heap.free(ptr);
    expectSound(grown);
  });

  test('grows by more than the request at a time', () => {
    const { heap, storage } = growable(256 * MIB, MIB);
    exhaust(heap, 100_000);
    const steps = storage.grants.length;
    expect(steps).toBeLessThan(100);
  });

  test('gives aligned blocks out of pages that it did not have', () => {
    const grown = growable(64 * MIB, MIB);
    for (const alignment of [2 * MIB, 16 * MIB, 8192, MIB]) {
      const ptr = grown.heap.alignedAlloc(alignment, 3 * MIB);
      expect([ptr > 0, ptr % alignment]).toEqual([true, 0]);
    }
    expectSound(grown);
  });

  test('serves an attaching thread that has no room for its cache', () => {
    const grown = growable(8 * MIB, MIB, { cacheBytes: 32_768 });
    const { heap, storage } = grown;
    storage.leave(0);
    exhaust(heap, 20_000);
    const before = storage.pages;
    storage.limit = Infinity;
    const other = Heap.attach(heap.handle, { source: storage });
    expect(storage.pages).toBeGreaterThan(before);
    other.detach();
    expectSound(grown);
  });

  test('grows in its low part while it can, then beyond', () => {
    // nobody looks at what lies in these pages, so they need not be wiped
    const source = { back: () => undefined, drop: () => true };
    const heap = Heap.create(new SharedArrayBuffer(3072 * MIB), { size: 1024 * MIB, source });
    const low = heap.malloc(900 * MIB);
    const across = heap.malloc(1600 * MIB);
    expect([low < 2 ** 31, across < 2 ** 31, across + 1600 * MIB > 2 ** 31]).toEqual([true, true, true]);
    heap.free(low);
    heap.purge();
    // as many pages have no storage on either side, and there is the longer extent below
    const pointers = Array.from({ length: 12 }, () => heap.malloc(100 * MIB));
    expect(pointers.findIndex((ptr) => ptr > across)).toBe(9);
    expect(pointers.filter((ptr) => ptr === 0)).toEqual([]);
    expect(heap.checkReport().problems).toEqual([]);
  });

  test('on a disk that is nearly full grows where that needs least of it, beyond 2 GiB, too', () => {
    let room = Infinity;
    const source = {
      back: (_: number, bytes: number) => {
        if (bytes > room) throw new VmemError('ENOSPC', 'the disk of the test is full');
        room -= bytes;
      },
      drop: () => true,
    };
    const heap = Heap.create(new SharedArrayBuffer(3072 * MIB), { source });
    const low = heap.malloc(900 * MIB);
    for (const size of [780, 80]) expect(heap.malloc(size * MIB)).toBeGreaterThan(0);
    const [last, before] = [heap.malloc(50 * MIB), heap.malloc(90 * MIB)];
    while (heap.malloc(40 * MIB) !== 0);
    expect(before).toBeGreaterThan(2 ** 31);
    for (const ptr of [low, last]) heap.free(ptr);
    heap.purge();
    heap.free(before);
    room = 20 * MIB;
    expect(heap.malloc(100 * MIB)).toBeGreaterThan(2 ** 31);
    expect(heap.malloc(30 * MIB)).toBe(0);
    expect(heap.checkReport().problems).toEqual([]);
  });

  test('does not grow in a thread that has no source', () => {
    const { heap } = growable(8 * MIB, MIB);
    const other = Heap.attach(heap.handle);
    expect(other.malloc(2 * MIB)).toBe(0);
    expect(heap.malloc(2 * MIB)).toBeGreaterThan(0);
  });

  test('wipes no more of the page map than there is when it is closed', () => {
    const { heap, storage } = growable(256 * MIB, MIB);
    heap.close();
    expect(storage.strayPages()).toEqual([]);
  });
});

/** Buffers of more than 4 GiB need a newer runtime. */
const describeLarge = Number(process.versions.node.split('.')[0]) < 22 ? describe.skip : describe;

describeLarge('a heap of more than 4 GiB', () => {
  const GIB = 2 ** 30;
  /** Storage wherever it is asked for. */
  const source = { back: () => undefined, drop: () => false };

  /** Blocks that are too large for the low part leave what lies between that and 4 GiB to the heap's own. */
  function expectRoomForOwn(heap: Heap, take: () => number, count = 2): void {
    const large = Array.from({ length: count }, take);
    expect(large).not.toContain(0);
    const small = Array.from({ length: 20_000 }, () => heap.malloc(100));
    const inSlabs = small.filter((ptr) => ptr !== 0 && heap.usableSize(ptr) === 104);
    expect(inSlabs).toHaveLength(small.length);
    expect(heap.checkReport().problems).toEqual([]);
    for (const ptr of [...large, ...small]) heap.free(ptr);
    expect(heap.checkReport().problems).toEqual([]);
  }

  test.each([
    ['has nearly all from the start', 5.5, 2.05],
    ['has little at the start', 1 / 64, 2.3],
  ])('that grows and %s has blocks for states left beside two large ones', (_, start, size) => {
    const heap = Heap.create(new SharedArrayBuffer(6 * GIB), { size: start * GIB, source, zeroed: true });
    expectRoomForOwn(heap, () => heap.malloc(Math.floor(size * GIB)));
  });

  test('whose disk is nearly full takes a block where that needs little of it, in several pieces', () => {
    const hasStorage = new Uint8Array((6 * GIB) / PAGE);
    let left = Infinity;
    const disk = {
      back(byteOffset: number, byteLength: number): void {
        const range = hasStorage.subarray(byteOffset / PAGE, (byteOffset + byteLength) / PAGE);
        const missing = range.length - range.reduce((sum, one) => sum + one, 0);
        if (missing > left) throw new VmemError('ENOSPC', 'the disk of the test is full');
        left -= missing;
        range.fill(1);
      },
      drop: () => false,
    };
    const heap = Heap.create(new SharedArrayBuffer(6 * GIB), {
      size: 1.75 * GIB,
      source: disk,
      zeroed: true,
    });
    const blocks = [heap.malloc(1.625 * GIB), heap.malloc(0.25 * GIB)];
    expect(blocks).not.toContain(0);
    for (const ptr of blocks) heap.free(ptr);
    left = (1.875 * GIB) / PAGE;
    expect(heap.malloc(3.5 * GIB)).toBeGreaterThan(0);
    expect(heap.stats().backed).toBe(hasStorage.reduce((sum, one) => sum + one, 0) * PAGE);
    expect(heap.checkReport().problems).toEqual([]);
  });

  test('that has storage in pieces keeps room for states where one block could take all of it', () => {
    const heap = Heap.create(new SharedArrayBuffer(6 * GIB), { size: 64 * MIB, source, zeroed: true });
    expect(heap.malloc(1.625 * GIB)).toBeGreaterThan(0);
    heap.free(heap.malloc(0.5 * GIB));
    expectRoomForOwn(heap, () => heap.malloc(3.5 * GIB), 1);
  });

  test.each([5, 5.5])('begins with its low part where it has storage up to %p GiB and can grow', (start) => {
    const heap = Heap.create(new SharedArrayBuffer(8 * GIB), { size: start * GIB, source, zeroed: true });
    const low = [heap.malloc(MIB), heap.malloc(64), heap.alignedAlloc(8192, MIB)];
    expect(low.filter((ptr) => ptr === 0 || ptr >= 1.75 * GIB)).toEqual([]);
    while (heap.malloc(16 * MIB) < 1.75 * GIB);
    // what is left of a piece in front of room to grow is not cut off from that
    const high = [heap.malloc(0.25 * GIB), heap.alignedAlloc(8192, 0.25 * GIB)];
    expect(high.filter((ptr) => ptr < 4 * GIB || ptr >= 4.75 * GIB)).toEqual([]);
    expect(heap.checkReport().problems).toEqual([]);
  });

  test('lets callers have what states can lie in last, however well a block fits there', () => {
    const heap = Heap.create(new SharedArrayBuffer(7 * GIB), { zeroed: true });
    while (heap.malloc(16 * MIB) < 1.75 * GIB);
    const high = heap.malloc(2 * GIB);
    const [, between] = [1.25, 0.5, 0.25].map((size) => heap.malloc(size * GIB));
    expect([high > 4 * GIB, between < 4 * GIB]).toEqual([true, true]);
    heap.free(between);
    heap.free(high);
    const blocks = Array.from({ length: 5 }, () => heap.malloc(0.5 * GIB));
    expect(blocks.map((ptr) => ptr > 4 * GIB)).toEqual([true, true, true, true, false]);
    expect(blocks[4]).toBe(between);
    expect(heap.checkReport().problems).toEqual([]);
  });

  test('has them left beside two large aligned ones', () => {
    const heap = Heap.create(new SharedArrayBuffer(6 * GIB), { zeroed: true });
    expectRoomForOwn(heap, () => heap.alignedAlloc(2 * PAGE, Math.floor(2.05 * GIB)));
  });
});

describe('realloc in a heap that grows', () => {
  const content = (heap: Heap, ptr: number): Uint8Array => new Uint8Array(heap.buffer, ptr, 300_000);

  test.each(['default', 'conservative'] as const)(
    'takes in pages that get storage for it, policy %s',
    (policy) => {
      const grown = growable(64 * MIB, MIB, { policy });
      const { heap, storage } = grown;
      const ptr = heap.malloc(300_000);
      content(heap, ptr).fill(7);
      for (let size = 400_000; size < 60 * MIB; size = Math.floor(size * 1.5)) {
        expect(heap.realloc(ptr, size)).toBe(ptr);
        expect(storage.bytes).toBeLessThan(1.2 * size + 8 * MIB);
        expectSound(grown);
      }
      expect(content(heap, ptr).every((byte) => byte === 7)).toBe(true);
      heap.free(ptr);
      expectSound(grown);
    },
  );

  test('takes in what was given back behind it, between free pages and up to the next block', () => {
    const grown = growable(64 * MIB, 16 * MIB);
    const { heap, storage } = grown;
    const [first, second, third, wall] = [1, 2, 1, 1].map((mib) => heap.malloc(mib * MIB));
    expect([second - first, third - second, wall - third]).toEqual([MIB, 2 * MIB, MIB]);
    heap.free(second);
    heap.purge();
    heap.free(third);
    const rest = exhaust(heap, 5 * MIB);
    const before = storage.bytes;
    expect(heap.realloc(first, 3.5 * MIB)).toBe(first);
    expect(storage.bytes - before).toBe(2 * MIB);
    expect(heap.realloc(first, 4 * MIB)).toBe(first);
    expectSound(grown);
    expect(heap.realloc(first, 4 * MIB + 1)).not.toBe(first);
    expect(rest.length).toBeGreaterThan(5);
    expectSound(grown);
  });

  test('moves the block where there is room for it, or something lies behind it', () => {
    const { heap, storage } = growable(64 * MIB, MIB);
    const large = heap.malloc(6 * MIB);
    const ptr = heap.malloc(4 * MIB);
    expect(ptr).toBe(large + 6 * MIB);
    heap.free(large);
    const before = storage.bytes;
    const moved = heap.realloc(ptr, 6 * MIB);
    expect([moved, storage.bytes]).toEqual([large, before]);
    const [first] = [heap.malloc(9 * MIB), heap.malloc(9 * MIB)];
    expect(heap.realloc(first, 10 * MIB)).not.toBe(first);
    expect(heap.check()).toBe(1);
  });

  test('on a full disk grows as far as that goes, and leaves the block as it was', () => {
    const grown = growable(64 * MIB, MIB);
    const { heap, storage } = grown;
    const ptr = heap.malloc(300_000);
    content(heap, ptr).fill(7);
    storage.leave(500);
    expect(heap.realloc(ptr, 4 * MIB)).toBe(0);
    expect(heap.usableSize(ptr)).toBe(74 * PAGE);
    expectSound(grown);
    const { live, pagesFree } = heap.stats();
    const most = live + pagesFree + 450 * PAGE;
    expect(heap.realloc(ptr, most)).toBe(ptr); // a copy would need the whole size
    expectSound(grown);
    expect(heap.realloc(ptr, most + 60 * PAGE)).toBe(0);
    storage.limit = Infinity;
    expect(heap.realloc(ptr, most + 60 * PAGE)).toBe(ptr);
    expect(content(heap, ptr).every((byte) => byte === 7)).toBe(true);
    const failure = new VmemError('EIO', 'the disk of the test is broken');
    storage.failure = failure;
    expect(() => heap.realloc(ptr, 40 * MIB)).toThrow(failure);
    storage.failure = undefined;
    expect(heap.realloc(ptr, 40 * MIB)).toBe(ptr);
    expectSound(grown);
  });
});

test("a heap that can't grow does not walk its extents when memory is out", () => {
  const { heap } = growable(8 * MIB, 8 * MIB);
  exhaust(heap, 3000);
  const walk = jest.spyOn(extentWalk, 'walkExtents');
  expect([heap.malloc(3000), heap.malloc(MIB)]).toEqual([0, 0]);
  expect(walk).not.toHaveBeenCalled();
  heap.check();
  expect(walk).toHaveBeenCalled();
  walk.mockRestore();
});

describe('a disk that fails', () => {
  test('ends mallocMany: what it had by then is in the array', () => {
    const grown = growable(64 * MIB, 4 * MIB);
    const { heap, storage } = grown;
    storage.failure = new VmemError('EIO', 'the disk of the test is broken');
    const out: number[] = [];
    const count = heap.mallocMany(1000, 20_000, out);
    expect([count > 2048, count < 20_000, out.length]).toEqual([true, true, count]);
    expect(() => heap.mallocMany(1000, 20_000, [])).toThrow('broken');
    storage.failure = undefined;
    expect(heap.stats().liveBlocks).toBe(count);
    heap.freeMany(out);
    expectSound(grown);
  });
});

describe('a full disk', () => {
  test('is memory out, and nothing is lost', () => {
    const grown = growable(64 * MIB, MIB);
    const { heap, storage } = grown;
    storage.leave(700); // less than a step
    const pointers = exhaust(heap, 50_000);
    expect(storage.pages).toBeGreaterThan(storage.limit - 30);
    expectSound(grown);
    expect(heap.malloc(20_000_000)).toBe(0);
    expect(heap.calloc(5, 4_000_000)).toBe(0);
    expect(heap.alignedAlloc(2 * MIB, MIB)).toBe(0);
    expect(() => heap.alloc(Uint8Array, 20_000_000)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    expectSound(grown);
    storage.limit = Infinity;
    expect(heap.malloc(20_000_000)).toBeGreaterThan(0);
    for (const ptr of pointers) heap.free(ptr);
    expectSound(grown);
  });

  test.each(['ENOSPC', 'EDQUOT', 'EFBIG', 'ENOMEM'])('that says %s is memory out, too', (code) => {
    const grown = growable(64 * MIB, MIB);
    const { heap, storage } = grown;
    storage.failure = new VmemError(code, 'the disk of the test has no room for this user');
    expect([heap.malloc(6 * MIB), heap.realloc(heap.malloc(20_000), 6 * MIB)]).toEqual([0, 0]);
    storage.failure = undefined;
    expect(heap.malloc(6 * MIB)).toBeGreaterThan(0);
    expectSound(grown);
  });

  test('is memory out also where something was left half done that can neither be undone nor finished', () => {
    const grown = growable(64 * MIB, MIB);
    const { heap, storage } = grown;
    const back = storage.back.bind(storage);
    storage.back = (byteOffset, byteLength) => {
      if (byteLength > MIB) throw new VmemError('EIO', 'the disk of the test is broken');
      back(byteOffset, byteLength);
    };
    expect(() => heap.malloc(6 * MIB)).toThrow('broken');
    storage.back = back;
    storage.canDrop = false;
    storage.leave(0);
    const ptr = heap.malloc(20_000);
    expect([heap.malloc(6 * MIB), heap.realloc(ptr, 6 * MIB)]).toEqual([0, 0]);
    expect(heap.purge()).toBe(0);
    expect(heap.checkReport().problems).toEqual([]);
    storage.limit = Infinity;
    expect(heap.malloc(6 * MIB)).toBeGreaterThan(0);
    expectSound(grown);
  });

  test('at the start is the error of the source', () => {
    const storage = new Storage(new SharedArrayBuffer(8 * MIB));
    storage.limit = 100;
    expect(() => Heap.create(storage.buffer, { size: MIB, source: storage })).toThrow(
      expect.objectContaining({ code: 'ENOSPC' }),
    );
  });

  test('of another kind is an error, and the next attempt puts all right', () => {
    const grown = growable(64 * MIB, MIB);
    const { heap, storage } = grown;
    for (const failure of [
      new VmemError('EIO', 'the disk of the test is broken'),
      new RangeError('defect'),
    ]) {
      storage.failure = failure;
      expect(() => heap.malloc(6 * MIB)).toThrow(failure);
      expect(heap.checkReport().problems).toEqual([]);
      storage.failure = undefined;
      expect(heap.malloc(6 * MIB)).toBeGreaterThan(0);
      expectSound(grown);
    }
  });
});

test.each([
  ['a size without a source', { size: MIB }, /source/],
  ['a size below the least', { size: 1000, source: new Storage(new SharedArrayBuffer(PAGE)) }, /size/],
  ['a size above the region', { size: 9 * MIB, source: new Storage(new SharedArrayBuffer(PAGE)) }, /size/],
  ['a source that is none', { source: { back: () => undefined } }, /source/],
])('%s is refused', (_, options, message) => {
  const create = (): Heap => Heap.create(new SharedArrayBuffer(8 * MIB), options as HeapOptions);
  expect(create).toThrow(
    expect.objectContaining({ code: 'EINVAL', message: expect.stringMatching(message) as string }),
  );
});

describe('purge', () => {
  test('gives the storage of free pages back, and they are used again', () => {
    for (const size of [64 * MIB, 14 * MIB]) {
      const grown = growable(64 * MIB, size);
      const { heap, storage } = grown;
      const pointers = exhaust(heap, 500_000);
      for (let i = 0; i < pointers.length; i += 2) heap.free(pointers[i]);
      const before = storage.bytes;
      const given = heap.purge();
      expect(given).toBeGreaterThan(0.4 * 64 * MIB);
      expect(storage.bytes).toBe(before - given);
      expectSound(grown);
      expect(heap.stats().pagesFree).toBeLessThan(MIB);
      expect(heap.purge()).toBe(0);
      for (let i = 0; i < pointers.length; i += 2) expect(heap.calloc(1, 500_000)).toBeGreaterThan(0);
      expectSound(grown);
    }
  });

  test.each([64, 14])(
    'leaves a block that was freed before a block that was freed already, of %d MiB',
    (mib) => {
      const { heap } = growable(64 * MIB, mib * MIB);
      const pointers = exhaust(heap, 500_000);
      for (let i = 0; i < pointers.length; i += 2) heap.free(pointers[i]);
      heap.purge();
      const last = heap.usableSize(pointers[1]) - PAGE;
      for (let i = 0; i < pointers.length; i += 2) {
        expect(() => heap.free(pointers[i])).toThrow(expect.objectContaining({ code: 'EDOUBLEFREE' }));
        for (const inside of [8, PAGE + 8, last + 8]) {
          expect(() => heap.free(pointers[i] + inside)).toThrow(
            expect.objectContaining({
              code: 'EBADPTR',
              message: expect.stringContaining('no block begins there') as string,
            }),
          );
        }
      }
    },
  );

  test('room that never had storage is refused as free pages are', () => {
    const { heap } = growable(64 * MIB, 14 * MIB);
    for (const ptr of [20 * MIB + 8, 40 * MIB + PAGE + 8, 64 * MIB - 8]) {
      expect(() => heap.free(ptr)).toThrow(
        expect.objectContaining({
          code: 'EBADPTR',
          message: expect.stringContaining('no block begins there') as string,
        }),
      );
    }
  });

  test('lets others grow between two runs of pages, and gives back no more than there was', () => {
    const grown = growable(64 * MIB, 64 * MIB);
    const { heap, storage } = grown;
    const other = Heap.attach(heap.handle, { source: storage });
    const pointers = exhaust(heap, 500_000);
    for (let i = 0; i < pointers.length; i += 2) heap.free(pointers[i]);
    const free = heap.stats().pagesFree;
    const taken: number[] = [];
    const giveWay = jest.spyOn(OwnedLocks.prototype, 'giveWay').mockImplementation(() => {
      // what the purge has given back so far has to get storage again
      for (const ptr of taken.splice(0)) other.free(ptr);
      taken.push(...exhaust(other, 500_000));
    });
    expect(heap.purge()).toBeLessThanOrEqual(free);
    expect(giveWay).toHaveBeenCalled();
    giveWay.mockRestore();
    expect(taken).toHaveLength(Math.ceil(pointers.length / 2));
    expectSound(grown);
  });

  test('empties the caches of all threads', () => {
    const grown = growable(64 * MIB, 32 * MIB);
    const { heap, storage } = grown;
    const other = Heap.attach(heap.handle, { source: storage });
    for (const thread of [heap, other]) {
      const pointers = Array.from({ length: 2000 }, (_, i) => thread.malloc(10 * (i % 300)));
      for (let i = 0; i < 8; i++) pointers.push(thread.malloc(100_000));
      for (const ptr of pointers) thread.free(ptr);
    }
    heap.purge();
    expect(heap.stats()).toMatchObject({ cached: 0, slabFree: 0 });
    expect(storage.bytes).toBeLessThan(2 * MIB);
    expectSound(grown);
  });

  test('leaves an emptied heap that is one block again', () => {
    const grown = growable(64 * MIB, MIB);
    const { heap } = grown;
    const pointers = exhaust(heap, 100_000);
    for (const [i, ptr] of pointers.entries()) if (i % 3 === 0) heap.free(ptr);
    heap.purge();
    for (const [i, ptr] of pointers.entries()) if (i % 3 === 1) heap.free(ptr);
    for (const [i, ptr] of pointers.entries()) if (i % 3 === 2) heap.free(ptr);
    expectSound(grown);
    expect(heap.malloc(Math.floor(0.97 * 63 * MIB))).toBeGreaterThan(0);
    expectSound(grown);
  });

  test('is memory out on a disk that is full afterwards, and nothing is lost', () => {
    const grown = growable(64 * MIB, 64 * MIB);
    const { heap, storage } = grown;
    const pointers = exhaust(heap, 200_000);
    for (let i = 0; i < pointers.length; i += 2) heap.free(pointers[i]);
    heap.purge();
    storage.leave(100);
    expect(heap.malloc(200_000)).toBeGreaterThan(0);
    expect(exhaust(heap, 200_000)).toHaveLength(1);
    expectSound(grown);
    storage.limit = Infinity;
    expect(exhaust(heap, 200_000).length).toBeGreaterThan(pointers.length / 2 - 4);
    expectSound(grown);
  });

  test('changes nothing on a disk that takes nothing back', () => {
    const grown = growable(64 * MIB, 32 * MIB);
    const { heap, storage } = grown;
    heap.free(heap.malloc(20 * MIB));
    storage.canDrop = false;
    const before = heap.stats();
    expect(heap.purge()).toBe(0);
    expect(heap.stats()).toMatchObject({ backed: before.backed, pagesFree: before.pagesFree });
    expectSound(grown);
  });

  test('makes no more holes than a process can have mappings for', () => {
    const grown = growable(1024 * MIB, 1024 * MIB);
    const { heap, storage } = grown;
    const pointers = exhaust(heap, 80_000);
    for (let i = 0; i < pointers.length; i += 2) heap.free(pointers[i]);
    heap.purge();
    const inner = new InnerHeap(heap);
    expect(inner.i32[Extents.unbackedExtents]).toBe(4096);
    expect(heap.checkReport().problems).toEqual([]);
    expect(heap.stats().backed).toBe(storage.bytes);

    for (let i = 1; i < pointers.length; i += 2) heap.free(pointers[i]);
    heap.purge();
    expect(inner.i32[Extents.unbackedExtents]).toBeLessThan(3);
    expect(heap.stats().pagesFree).toBeLessThan(64 * 1024);
    expectSound(grown);
  });

  test('gives back what lies between two holes, be it ever so short', () => {
    const grown = growable(64 * MIB, 64 * MIB);
    const { heap } = grown;
    const long: number[] = [];
    const short: number[] = [];
    for (;;) {
      const [one, two] = [heap.malloc(16 * PAGE), heap.malloc(5 * PAGE)];
      if (one === 0 || two === 0) break;
      long.push(one);
      short.push(two);
    }
    for (const ptr of long) heap.free(ptr);
    expect(heap.purge()).toBeGreaterThan(45 * MIB);
    expectSound(grown);
    for (const ptr of short) heap.free(ptr);
    expect(heap.purge()).toBeGreaterThan(14 * MIB);
    expect(heap.stats().pagesFree).toBeLessThan(64 * 1024);
    expectSound(grown);
    expect(heap.malloc(60 * MIB)).toBeGreaterThan(0);
  });

  test('does nothing without a source', () => {
    expect(Heap.create(new SharedArrayBuffer(MIB)).purge()).toBe(0);
  });
});

describe('the policy', () => {
  test('conservative gives storage back after freeMany, and after a thread has left', () => {
    const grown = growable(64 * MIB, MIB, { policy: 'conservative' });
    const { heap, storage } = grown;
    const blocks = new Float64Array(5000);
    expect(heap.mallocMany(3000, 5000, blocks)).toBe(5000);
    const full = storage.bytes;
    heap.freeMany(blocks);
    expect(full - storage.bytes).toBeGreaterThan(12 * MIB);

    const other = Heap.attach(heap.handle, { source: storage });
    const runs = Array.from({ length: 40 }, () => other.malloc(100_000));
    const room = heap.malloc(20 * MIB); // with this much free runs stay in caches
    heap.free(room);
    for (const ptr of runs) other.free(ptr);
    const before = storage.bytes;
    other.detach();
    expect(storage.bytes).toBeLessThan(before);
    expectSound(grown);
  });

  test('conservative is silent about storage that fails to go, and tries again', () => {
    const grown = growable(64 * MIB, 16 * MIB, { policy: 'conservative' });
    const { heap, storage } = grown;
    const pointers = Array.from({ length: 8 }, () => heap.malloc(MIB));
    storage.failure = new VmemError('EIO', 'the disk of the test is gone');
    for (const ptr of pointers.slice(0, 3)) heap.free(ptr);
    expect(heap.realloc(pointers[3], MIB + 100_000)).toBeLessThan(pointers[3]); // to where two of them were
    expect([heap.contains(pointers[3]), heap.stats().liveBlocks]).toEqual([false, 5]);
    expect(heap.check()).toBe(1);
    for (const code of ['ECORRUPT', 'ECLOSED']) {
      storage.failure = new VmemError(code, 'no error of a disk');
      expect(codeOf(() => heap.free(heap.malloc(MIB)))).toBe(code);
    }
    storage.failure = undefined;
    heap.free(pointers[4]);
    expect(storage.bytes).toBeLessThan(8 * MIB);
    expectSound(grown);
  });

  test('conservative gives storage back as soon as much is free in one place', () => {
    const grown = growable(64 * MIB, MIB, { policy: 'conservative' });
    const { heap, storage } = grown;
    const before = storage.bytes;
    const ptr = heap.malloc(10 * MIB);
    expect(storage.bytes).toBeLessThan(before + 10.5 * MIB);
    heap.free(ptr);
    expect(storage.bytes).toBeLessThan(before + MIB / 4);
    const pointers = exhaust(heap, 30_000);
    for (const each of pointers) heap.free(each);
    expect(storage.bytes).toBeLessThan(12 * MIB); // a thread keeps some blocks
    heap.purge();
    expect(storage.bytes).toBeLessThan(MIB);
    expectSound(grown);
    const shrunk = heap.realloc(heap.malloc(5 * MIB), MIB);
    expect(shrunk).toBeGreaterThan(0);
    expect(storage.bytes).toBeLessThan(2.5 * MIB);
    expectSound(grown);
  });

  test('default keeps it', () => {
    const { heap, storage } = growable(64 * MIB, MIB);
    const ptr = heap.malloc(10 * MIB);
    const before = storage.bytes;
    heap.free(ptr);
    expect(storage.bytes).toBe(before);
  });

  test('of another name is refused', () => {
    const create = (): Heap => growable(8 * MIB, MIB, { policy: 'greedy' as 'default' }).heap;
    expect(create).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});

function act(model: ModelHeap, random: Random): void {
  const size = random.chance(10) ? random.size(3 * MIB) : random.size(60_000);
  const kind = random.below(100);
  if (kind < 40) model.malloc(size);
  else if (kind < 50) model.calloc(1, size);
  else if (kind < 55) model.alignedAlloc(2 ** random.below(21), size);
  else if (model.liveBlocks === 0) return;
  else if (kind < 90) model.free(random.pick(model.pointers));
  else model.realloc(random.pick(model.pointers), size + 1);
}

test.each([
  ['default', 1],
  ['conservative', 0.2],
] as const)(
  'random operations on a heap that grows and shrinks agree with a model, policy %s',
  (policy, purges) => {
    const random = randomFor(`growth, ${policy}`);
    for (let round = 0; round < 6; round++) {
      const grown = growable(2 ** random.between(24, 27), 2 ** random.between(18, 22), { policy });
      const { heap, storage } = grown;
      const model = new ModelHeap(heap);
      const inner = new InnerHeap(heap);
      for (let step = 0; step < 4000; step++) {
        if (random.chance(1)) storage.leave(random.size(4000));
        if (random.chance(1)) storage.limit = Infinity;
        if (random.below(1000) < 10 * purges) heap.purge();
        act(model, random);
        if (step % 500 === 0) {
          model.verifyAll();
          expectSound(grown);
        }
      }
      model.verifyAll();
      model.freeAll();
      expectSound(grown);
      storage.limit = Infinity;
      const all = heap.malloc(Math.floor(0.9 * heap.size));
      expect({ all: all > 0, kinds: inner.extents().map(({ kind }) => kind) }).toEqual({
        all: true,
        kinds: expect.arrayContaining([PageKind.large]) as PageKind[],
      });
      expect(inner.i32[Backing.page]).toBe(0);
      heap.free(all);
      expectSound(grown);
    }
  },
);
