import { MessageChannel, moveMessagePortToContext, receiveMessageOnPort } from 'node:worker_threads';
import { createContext } from 'node:vm';
import { Heap, MAX_THREADS, MIN_REGION, type HeapHandle } from '@vmem-ts/allocator';
import { Slot, slotAt } from '#src/layout/region-layout';
import { CLASS_SIZE } from '#src/slab/size-classes';
import { exhaust } from '../support/exhaust';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { runWorker } from '../support/worker';
import { codeOf } from '../support/thrown';
import type { VisitorTask } from '../workers/visitor';

const MIB = 1 << 20;
const SIZES = [0, 1, 7, 8, 9, 64, 100, 1000, 4096, 5000, 16_384, 16_385, 40_000, 300_000];
const newHeap = (size = 4 * MIB): Heap => Heap.create(new SharedArrayBuffer(size));
const bytesOf = (heap: Heap, ptr: number, size = heap.usableSize(ptr)): Uint8Array =>
  new Uint8Array(heap.buffer, heap.byteOffset + ptr, size);

function expectSound(heap: Heap, liveBlocks: number): void {
  expect(heap.checkReport().problems).toEqual([]);
  expect(heap.stats().liveBlocks).toBe(liveBlocks);
}

test('heaps that threads make with one seed (--random-seed) are told apart', () => {
  const random = jest.spyOn(Math, 'random').mockReturnValue(0.3);
  const [one, two] = [newHeap(), newHeap()];
  random.mockRestore();
  expect(one.handle.id[0]).not.toBe(two.handle.id[0]);
  const view = one.alloc(Uint8Array, 10);
  expect(two.malloc(10)).toBe(view.byteOffset);
  expect(codeOf(() => two.free(view))).toBe('EBADPTR');
});

describe('malloc and free', () => {
  test.each(SIZES)('a block of %p bytes has room, is aligned, and comes back', (size) => {
    const heap = newHeap();
    const ptr = heap.malloc(size);
    const usable = heap.usableSize(ptr);
    expect(usable).toBeGreaterThanOrEqual(size);
    expect(ptr % 8).toBe(0);
    expect(ptr % Math.min(usable & -usable, 4096)).toBe(0);
    bytesOf(heap, ptr).fill(0xff);
    expectSound(heap, 1);
    heap.free(ptr);
    expectSound(heap, 0);
  });

  test('malloc(0) gives a new pointer each time, which free takes', () => {
    const heap = newHeap();
    const pointers = Array.from({ length: 100 }, () => heap.malloc(0));
    expect(new Set(pointers).size).toBe(100);
    expect(pointers).not.toContain(0);
    for (const ptr of pointers) heap.free(ptr);
    expectSound(heap, 0);
  });

  test('free(0) does nothing', () => {
    const heap = newHeap();
    heap.free(0);
    heap.free(-0);
    expectSound(heap, 0);
  });

  test.each(SIZES)('a second free of %p bytes is refused, and the block is handed out once', (size) => {
    const heap = newHeap();
    const ptr = heap.malloc(size);
    const other = heap.malloc(size);
    heap.free(ptr);
    expect(codeOf(() => heap.free(ptr))).toBe('EDOUBLEFREE');
    expect(codeOf(() => heap.realloc(ptr, 8))).toBe('EDOUBLEFREE');
    expect(codeOf(() => heap.usableSize(ptr))).toBe('EDOUBLEFREE');
    const next = [heap.malloc(size), heap.malloc(size), other];
    expect(new Set(next).size).toBe(3);
    expectSound(heap, 3);
  });

  test('a freed block is the next one of its size', () => {
    const heap = newHeap();
    const ptr = heap.malloc(100);
    heap.free(ptr);
    expect(heap.malloc(100)).toBe(ptr);
  });
});

describe('calloc', () => {
  test.each(SIZES)('%p bytes are zeros on memory that was used', (size) => {
    const heap = newHeap(MIB);
    for (const ptr of exhaust(heap, size)) {
      bytesOf(heap, ptr).fill(0xa5);
      heap.free(ptr);
    }
    for (const [count, each] of [
      [1, size],
      [size, 1],
    ]) {
      const ptr = heap.calloc(count, each);
      expect(bytesOf(heap, ptr, size).every((byte) => byte === 0)).toBe(true);
      bytesOf(heap, ptr).fill(0xa5);
      heap.free(ptr);
    }
    expectSound(heap, 0);
  });

  test('nothing times something is a block like that of malloc(0)', () => {
    const heap = newHeap();
    const pointers = [heap.calloc(0, 9), heap.calloc(9, 0), heap.calloc(0, 2 ** 53), heap.calloc(0, 0)];
    expect(new Set(pointers).size).toBe(4);
    expect(pointers).not.toContain(0);
  });

  test.each([
    [2 ** 32, 2 ** 32],
    [2 ** 53, 2 ** 53],
    [2 ** 31, 4],
    [Number.MAX_VALUE, Number.MAX_VALUE],
    [3, 2 ** 52],
  ])('%p times %p bytes are more than there is', (count, size) => {
    const heap = newHeap();
    expect(heap.calloc(count, size)).toBe(0);
    expectSound(heap, 0);
  });
});

describe('realloc', () => {
  const PAIRS = SIZES.flatMap((from) => SIZES.map((to) => [from, to] as const)).filter(([, to]) => to > 0);

  test.each(PAIRS)('from %p to %p bytes keeps contents', (from, to) => {
    const heap = newHeap();
    const ptr = heap.malloc(from);
    const fences = [heap.malloc(from), heap.malloc(to)];
    for (const fence of fences) bytesOf(heap, fence).fill(0xee);
    bytesOf(heap, ptr, from).forEach((_, i, bytes) => (bytes[i] = i * 7));
    const moved = heap.realloc(ptr, to);
    expect(heap.usableSize(moved)).toBeGreaterThanOrEqual(to);
    expect(bytesOf(heap, moved, Math.min(from, to)).every((byte, i) => byte === ((i * 7) & 255))).toBe(true);
    for (const fence of fences) expect(bytesOf(heap, fence).every((byte) => byte === 0xee)).toBe(true);
    expectSound(heap, 3);
    if (moved !== ptr) expect(codeOf(() => heap.free(ptr))).toMatch(/EDOUBLEFREE|EBADPTR/);
    for (const each of [...fences, moved]) heap.free(each);
    expectSound(heap, 0);
  });

  test('within the usable size the block stays', () => {
    const heap = newHeap();
    for (const size of [1, 100, 1000, 10_000, 16_384, 17_000, 100_000]) {
      const ptr = heap.malloc(size);
      expect(heap.realloc(ptr, heap.usableSize(ptr))).toBe(ptr);
      expect(heap.realloc(ptr, size)).toBe(ptr);
    }
  });

  test('a block of whole pages stays where it is when it shrinks, or grows into free pages', () => {
    const heap = newHeap();
    const wall = heap.malloc(50_000);
    const ptr = heap.malloc(200_000);
    expect(heap.realloc(ptr, 100_000)).toBe(ptr);
    expect(heap.usableSize(ptr)).toBe(102_400);
    expect(heap.realloc(ptr, 150_000)).toBe(ptr);
    expect(heap.realloc(ptr, 500_000)).not.toBe(ptr); // the wall is in the way
    heap.free(wall);
    expectSound(heap, 1);
  });

  test('realloc(0, n) is malloc(n)', () => {
    const heap = newHeap();
    expect(heap.usableSize(heap.realloc(0, 100))).toBe(104);
    expect(heap.realloc(0, 0)).toBeGreaterThan(0);
    expectSound(heap, 2);
  });

  test('realloc(ptr, 0) is free(ptr) and gives 0', () => {
    const heap = newHeap();
    for (const size of SIZES) {
      const ptr = heap.malloc(size);
      expect(heap.realloc(ptr, 0)).toBe(0);
      expect(codeOf(() => heap.free(ptr))).toBe('EDOUBLEFREE');
    }
    expectSound(heap, 0);
  });

  test('without memory it gives 0 and leaves the block alone', () => {
    const heap = newHeap(MIB);
    const small = heap.malloc(100);
    const large = heap.malloc(100_000);
    bytesOf(heap, small).fill(1);
    bytesOf(heap, large).fill(2);
    for (const size of [2 * MIB, MIB - 1, 2 ** 31, 2 ** 53]) {
      expect([heap.realloc(small, size), heap.realloc(large, size)]).toEqual([0, 0]);
    }
    expect(bytesOf(heap, small).every((byte) => byte === 1)).toBe(true);
    expect(bytesOf(heap, large).every((byte) => byte === 2)).toBe(true);
    expectSound(heap, 2);
  });
});

describe('alignedAlloc', () => {
  const powers = (most: number): number[] => Array.from({ length: most + 1 }, (_, i) => 2 ** i);

  test.each(powers(20))('blocks of all sizes lie at multiples of %p', (alignment) => {
    const heap = newHeap();
    const pointers = [0, 1, 8, 9, 100, 3000, 4096, 4097, 9000, 16_384, 70_000].map((size) => {
      const ptr = heap.alignedAlloc(alignment, size);
      if (alignment <= 4096) expect(ptr).toBeGreaterThan(0);
      if (ptr === 0) return 0;
      expect(ptr % alignment).toBe(0);
      expect(heap.usableSize(ptr)).toBeGreaterThanOrEqual(size);
      bytesOf(heap, ptr).fill(0x77);
      return ptr;
    });
    expectSound(heap, pointers.filter((ptr) => ptr > 0).length);
    for (const ptr of pointers) heap.free(ptr);
    expectSound(heap, 0);
  });

  test('the middle of the heap can be had, its end and what is beyond can not', () => {
    const heap = newHeap();
    expect(heap.alignedAlloc(2 * MIB, 100)).toBe(2 * MIB);
    expect(heap.alignedAlloc(2 * MIB, 100)).toBe(0);
    expect([
      heap.alignedAlloc(4 * MIB, 1),
      heap.alignedAlloc(8 * MIB, 1),
      heap.alignedAlloc(2 ** 52, 1),
    ]).toEqual([0, 0, 0]);
    expectSound(heap, 1);
  });

  test('what is no power of two is refused, however near it comes to one', () => {
    const heap = newHeap();
    const near = powers(52).flatMap((power) => [power - 1, power + 1, power + 0.5, power - 0.5, -power]);
    const wrong = near.filter((n) => !(n > 0 && Number.isInteger(n) && powers(53).includes(n)));
    const accepted = wrong.filter((alignment) => codeOf(() => heap.alignedAlloc(alignment, 8)) !== 'EINVAL');
    expect(accepted).toEqual([]);
    expectSound(heap, 0);
  });
});

describe('alloc and view', () => {
  test.each([
    Uint8Array,
    Int8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ])('%p: a view lies on a live block of the heap, which free takes', (Type) => {
    const heap = newHeap();
    for (const length of [0, 1, 3, 1000, 40_000]) {
      const view = heap.alloc<ArrayBufferView & { length: number }>(Type, length);
      expect(view).toBeInstanceOf(Type);
      expect([view.length, view.buffer]).toEqual([length, heap.buffer]);
      const ptr = view.byteOffset - heap.byteOffset;
      expect(heap.usableSize(ptr)).toBeGreaterThanOrEqual(length * Type.BYTES_PER_ELEMENT);
      expectSound(heap, 1);
      heap.free(view);
      expect(codeOf(() => heap.free(view))).toMatch(/EDOUBLEFREE|EBADPTR/);
      expectSound(heap, 0);
    }
  });

  test('without memory alloc throws ENOMEM', () => {
    const heap = newHeap(MIB);
    expect(codeOf(() => heap.alloc(Uint8Array, 2 * MIB))).toBe('ENOMEM');
    expect(codeOf(() => heap.alloc(Float64Array, 2 ** 52))).toBe('ENOMEM');
    exhaust(heap, 8);
    expect(codeOf(() => heap.alloc(Uint8Array, 1))).toBe('ENOMEM');
  });

  test('a view sees what other views of the block wrote', () => {
    const heap = newHeap();
    const ptr = heap.malloc(64);
    heap.view(Int32Array, ptr, 16).fill(0x01020304);
    expect([...heap.view(Uint8Array, ptr, 4)]).toEqual([4, 3, 2, 1]);
    expect(heap.view(Float64Array, ptr, 8)).toHaveLength(8);
    expect(heap.view(Float64Array, ptr, 0)).toHaveLength(0);
  });

  test('a view that its block is too short for is refused', () => {
    const heap = newHeap();
    const ptr = heap.malloc(64);
    expect(codeOf(() => heap.view(Float64Array, ptr, 9))).toBe('EINVAL');
    expect(codeOf(() => heap.view(Uint8Array, ptr, 2 ** 53 - 1))).toBe('EINVAL');
    expect(codeOf(() => heap.view(Uint8Array, 0, 1))).toBe('EBADPTR');
    heap.free(ptr);
    expect(codeOf(() => heap.view(Uint8Array, ptr, 1))).toBe('EDOUBLEFREE');
  });

  test('free takes a view whose buffer is of another realm', () => {
    const heap = newHeap();
    const { byteOffset } = heap.alloc(Uint8Array, 64);
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(heap.buffer);
    const moved = moveMessagePortToContext(port2, createContext({}));
    const { message } = receiveMessageOnPort(moved) as { message: SharedArrayBuffer };
    port1.close();
    expect(message).not.toBeInstanceOf(SharedArrayBuffer);
    heap.free(new Uint8Array(message, byteOffset, 64));
    expectSound(heap, 0);
  });

  test('free takes any view that begins where a block begins, and no other', () => {
    const heap = newHeap();
    const view = heap.alloc(Uint8Array, 64);
    expect(codeOf(() => heap.free(view.subarray(8)))).toBe('EBADPTR');
    expect(codeOf(() => heap.free(new Uint8Array(64)))).toBe('EBADPTR');
    expect(codeOf(() => heap.free(new Uint8Array(newHeap().buffer, view.byteOffset, 64)))).toBe('EBADPTR');
    expect(codeOf(() => heap.free(new Uint8Array(heap.buffer)))).toBe('EBADPTR');
    expectSound(heap, 1);
    heap.free(new DataView(view.buffer, view.byteOffset, 3));
    expectSound(heap, 0);
  });

  test('a constructor that throws leaves no block behind', () => {
    const heap = newHeap();
    class Thrower extends Uint8Array {
      constructor(buffer: SharedArrayBuffer | ArrayBuffer, byteOffset: number, length: number) {
        super(buffer as ArrayBuffer, byteOffset, length);
        throw new Error('mine');
      }
    }
    expect(() => heap.alloc(Thrower, 100)).toThrow('mine');
    expectSound(heap, 0);
  });
});

describe('when memory is out', () => {
  test.each([8, 100, 4096, 16_384, 20_000, 200_000])(
    'blocks of %p bytes fill the heap, then give 0',
    (size) => {
      const heap = newHeap(MIB);
      const pointers = exhaust(heap, size);
      const used = pointers.length * heap.usableSize(pointers[0]);
      expect(used).toBeGreaterThan(size < 20_000 ? 0.8 * MIB : 0.5 * MIB);
      expect([heap.malloc(size), heap.calloc(1, size), heap.alignedAlloc(8, size)]).toEqual([0, 0, 0]);
      expectSound(heap, pointers.length);
      heap.free(pointers.pop()!);
      pointers.push(heap.malloc(size));
      expect(pointers.at(-1)).toBeGreaterThan(0);
      for (const ptr of pointers) heap.free(ptr);
      expectSound(heap, 0);
    },
  );

  test.each([8, 24, 100, 1000, 5000, 16_384, 20_000])(
    'after blocks of %p bytes are all freed, one block of 97 % of the free space can be had',
    (size) => {
      const heap = newHeap(8 * MIB);
      const free = heap.stats().pagesFree;
      for (const ptr of exhaust(heap, size)) heap.free(ptr);
      const ptr = heap.malloc(Math.floor(0.97 * free));
      expect(ptr).toBeGreaterThan(0);
      heap.free(ptr);
      expectSound(heap, 0);
    },
  );

  test('a shift from one size to another strands nothing', () => {
    const heap = newHeap(2 * MIB);
    for (const size of [8, 16_384, 64, 5000, 300, 40_000, 16]) {
      const pointers = exhaust(heap, size);
      expect(pointers.length * heap.usableSize(pointers[0])).toBeGreaterThan(1.65 * MIB);
      for (const ptr of pointers) heap.free(ptr);
    }
    expectSound(heap, 0);
  });

  test.each([16, 100, 3000, 16_384])(
    'blocks of %p bytes in the caches of other heap objects are had before there is none',
    (size) => {
      const heap = newHeap(MIB);
      const others = [1, 2, 3].map(() => Heap.attach(heap.handle));
      const pointers = exhaust(heap, size);
      const { capacity } = new InnerHeap(heap).cacheLayout;
      const cached = capacity[CLASS_SIZE.findIndex((block) => block >= size)];
      for (const other of others) for (let i = 0; i < cached; i++) other.free(pointers.pop()!);
      expect(heap.stats().cached).toBe(others.length * cached * heap.usableSize(pointers[0]));
      expect(exhaust(heap, size)).toHaveLength(others.length * cached);
      expect(heap.stats().cached).toBe(0);
      expect(heap.check()).toBe(1);
    },
  );

  test('caches are emptied one after the other, each behind its own gate', () => {
    const threads = new FakeThreads();
    const heap = Heap.create(new SharedArrayBuffer(MIB), { threads: 4, host: threads.hostOf(1) });
    const i32 = new Int32Array(heap.buffer);
    const closed: number[] = [];
    const gates = [0, 1, 2, 3].map((slot) => slotAt(slot) + Slot.gate);
    const host = {
      ...threads.hostOf(2),
      isAlive: () => {
        closed.push(gates.filter((gate) => i32[gate] !== 0).length);
        return true;
      },
    };
    const others = [3, 4].map((tid) => Heap.attach(heap.handle, { host: threads.hostOf(tid) }));
    const needy = Heap.attach(heap.handle, { host });
    for (const other of others) other.free(other.malloc(100));
    closed.length = 0;
    expect(needy.malloc(MIB)).toBe(0);
    expect(Math.max(...closed)).toBe(1);
    expect(heap.stats().cached).toBe(0);
  });

  test('a block of whole pages is had out of the caches of other heap objects', () => {
    const heap = newHeap(MIB);
    const other = Heap.attach(heap.handle);
    const whole = heap.stats().pagesFree;
    for (const ptr of exhaust(heap, 16_384)) other.free(ptr);
    expect(heap.malloc(Math.floor(0.97 * whole))).toBeGreaterThan(0);
    expect(heap.stats().cached).toBe(0);
  });

  test('a thread that attaches has its cache out of those of the others', () => {
    const heap = newHeap(MIB);
    const other = Heap.attach(heap.handle);
    const pointers = exhaust(heap, 16_384);
    exhaust(heap, 4096);
    exhaust(heap, 8);
    for (const ptr of pointers.splice(0, 8)) other.free(ptr);
    const next = Heap.attach(heap.handle);
    expect(next.malloc(4096)).toBeGreaterThan(0);
    expect(heap.stats().threads).toBe(3);
    expect(heap.check()).toBe(1);
  });
});

describe('detach and close', () => {
  const uses = (heap: Heap, ptr: number): [string, () => unknown][] => [
    ['malloc', () => heap.malloc(8)],
    ['malloc of pages', () => heap.malloc(100_000)],
    ['malloc beyond the heap', () => heap.malloc(2 ** 50)],
    ['calloc', () => heap.calloc(1, 8)],
    ['calloc beyond the heap', () => heap.calloc(2 ** 50, 8)],
    ['realloc', () => heap.realloc(ptr, 100)],
    ['realloc of NULL', () => heap.realloc(0, 100)],
    ['realloc to nothing', () => heap.realloc(ptr, 0)],
    ['alignedAlloc', () => heap.alignedAlloc(64, 8)],
    ['alignedAlloc beyond the heap', () => heap.alignedAlloc(2 ** 50, 8)],
    ['free', () => heap.free(ptr)],
    ['free of NULL', () => heap.free(0)],
    ['free of a view', () => heap.free(new Uint8Array(heap.buffer, heap.byteOffset + ptr, 8))],
    ['free of a wrong pointer', () => heap.free(ptr + 1)],
    ['usableSize', () => heap.usableSize(ptr)],
    ['usableSize of NULL', () => heap.usableSize(0)],
    ['alloc', () => heap.alloc(Uint8Array, 8)],
    ['view', () => heap.view(Uint8Array, ptr, 8)],
    ['check', () => heap.check()],
    ['checkReport', () => heap.checkReport()],
    ['stats', () => heap.stats()],
  ];
  const NAMES = uses(newHeap(), 0).map(([name]) => name);
  const use = (heap: Heap, ptr: number, name: string): (() => unknown) =>
    uses(heap, ptr).find((entry) => entry[0] === name)![1];
  const sizes = [24, 100_000];

  test.each(NAMES)('after detach: %s gives ECLOSED and changes nothing', (name) => {
    for (const size of sizes) {
      const heap = newHeap();
      const stays = Heap.attach(heap.handle);
      const ptr = heap.malloc(size);
      heap.free(heap.malloc(24));
      heap.detach();
      expect(codeOf(use(heap, ptr, name))).toBe('ECLOSED');
      expectSound(stays, 1);
      stays.free(ptr);
      expectSound(stays, 0);
    }
  });

  test.each(NAMES)('after close: %s gives ECLOSED, in every heap object', (name) => {
    for (const size of sizes) {
      const heap = newHeap();
      const other = Heap.attach(heap.handle);
      const ptr = heap.malloc(size);
      const theirs = other.malloc(size);
      other.free(other.malloc(24)); // in its cache
      expect(heap.close()).toBe(true);
      for (const each of [heap, other]) {
        for (const stale of [ptr, theirs]) expect(codeOf(use(each, stale, name))).toBe('ECLOSED');
      }
    }
  });

  test('an old heap stays closed when another heap is made in its memory', () => {
    const heap = newHeap();
    const old = Heap.attach(heap.handle);
    const pointers = sizes.map((size) => old.malloc(size));
    old.free(old.malloc(24)); // in its cache
    heap.close();
    const successor = Heap.create(heap.buffer);
    const successors = sizes.map((size) => successor.malloc(size));
    expect(old.isOpen).toBe(false);
    for (const ptr of pointers) {
      for (const [name, call] of uses(old, ptr)) expect([name, codeOf(call)]).toEqual([name, 'ECLOSED']);
    }
    for (const ptr of successors) expect(successor.usableSize(ptr)).toBeGreaterThan(0);
    expectSound(successor, 2);
  });

  test('detach gives cached blocks and the cache back, and blocks stay live', () => {
    const heap = newHeap();
    const before = heap.stats();
    const other = Heap.attach(heap.handle);
    const ptr = other.malloc(64);
    bytesOf(other, ptr).fill(5);
    expect(heap.stats()).toMatchObject({ threads: 2 });
    other.detach();
    other.detach();
    expect(bytesOf(heap, ptr).every((byte) => byte === 5)).toBe(true);
    heap.free(ptr);
    heap.malloc(heap.size); // out of memory: empty slabs go back
    const { pagesFree, threads, cached } = heap.stats();
    expect({ pagesFree, threads, cached }).toEqual({ pagesFree: before.pagesFree, threads: 1, cached: 0 });
  });

  test('isOpen tells of detach here and close anywhere', () => {
    const heap = newHeap();
    const other = Heap.attach(heap.handle);
    const third = Heap.attach(heap.handle);
    other.detach();
    expect([heap, other, third].map((each) => each.isOpen)).toEqual([true, false, true]);
    heap.close();
    expect([heap, other, third].map((each) => each.isOpen)).toEqual([false, false, false]);
  });

  test('the call that closes says so, all others not', () => {
    const heap = newHeap();
    const other = Heap.attach(heap.handle);
    expect([other.close(), other.close(), heap.close()]).toEqual([true, false, false]);
    heap.detach();
    other.detach();
  });

  test('a heap whose memory is replaced by zeros is closed for all', () => {
    const heap = newHeap();
    const other = Heap.attach(heap.handle);
    const ptr = other.malloc(64);
    other.free(other.malloc(64));
    expect(heap.close(true)).toBe(true);
    new Uint8Array(heap.buffer).fill(0);
    for (const [name, call] of uses(other, ptr)) expect([name, codeOf(call)]).toEqual([name, 'ECLOSED']);
  });

  test('a worker finds the heap closed as this thread does', async () => {
    const heap = newHeap();
    const task: VisitorTask = { handle: heap.handle, close: true, pointers: [heap.malloc(24)] };
    expect(await runWorker('visitor', task)).toEqual({ usable: [24], closed: true });
    for (const [name, call] of uses(heap, task.pointers[0])) {
      expect([name, codeOf(call)]).toEqual([name, 'ECLOSED']);
    }
  });
});

describe('memory', () => {
  const REGIONS: [string, () => SharedArrayBuffer | ArrayBuffer | ArrayBufferView][] = [
    ['a SharedArrayBuffer', () => new SharedArrayBuffer(MIB)],
    ['a growable SharedArrayBuffer', () => new SharedArrayBuffer(MIB, { maxByteLength: 8 * MIB })],
    ['an ArrayBuffer', () => new ArrayBuffer(MIB)],
    ['a resizable ArrayBuffer', () => new ArrayBuffer(MIB, { maxByteLength: 8 * MIB })],
    ['a view at an offset', () => new Uint8Array(new SharedArrayBuffer(2 * MIB), 40, MIB)],
    ['a DataView', () => new DataView(new ArrayBuffer(2 * MIB), 4096, MIB)],
    ['a Buffer', () => Buffer.from(new SharedArrayBuffer(2 * MIB), 8, MIB)],
  ];

  test.each(REGIONS)('%s holds a heap', (_, memory) => {
    const heap = Heap.create(memory());
    expect(heap.size).toBe(MIB);
    const attached = Heap.attach(heap.handle);
    const pointers = exhaust(heap, 1000);
    for (const ptr of pointers) bytesOf(heap, ptr).fill(0xff);
    for (const ptr of pointers) attached.free(ptr);
    const view = attached.alloc(Float64Array, 100).fill(1.5);
    expect(heap.view(Float64Array, view.byteOffset - heap.byteOffset, 100)[99]).toBe(1.5);
    heap.free(view);
    expectSound(heap, 0);
  });

  test('bytes before and behind a view are never written', () => {
    const buffer = new SharedArrayBuffer(2 * MIB);
    const bytes = new Uint8Array(buffer).fill(0x33);
    const heap = Heap.create(new Uint8Array(buffer, 4096 + 8, MIB));
    for (const ptr of exhaust(heap, 777)) bytesOf(heap, ptr).fill(0);
    heap.close();
    expect(bytes.subarray(0, 4096 + 8).every((byte) => byte === 0x33)).toBe(true);
    expect(bytes.subarray(4096 + 8 + MIB).every((byte) => byte === 0x33)).toBe(true);
  });

  test('two heaps in one buffer know nothing of each other', () => {
    const buffer = new SharedArrayBuffer(2 * MIB);
    const [one, two] = [0, MIB].map((start) => Heap.create(new Uint8Array(buffer, start, MIB)));
    const view = one.alloc(Uint8Array, 100).fill(7);
    for (const ptr of exhaust(two, 500)) bytesOf(two, ptr).fill(9);
    expect(codeOf(() => two.free(view))).toBe('EBADPTR');
    expect(view.every((byte) => byte === 7)).toBe(true);
    one.close();
    expect(two.check()).toBe(1);
  });

  test('what was in the memory does not matter', () => {
    const memory = new Uint8Array(new SharedArrayBuffer(MIB));
    for (const fill of [0xff, 0x01, 0x55]) {
      const heap = Heap.create(memory.fill(fill));
      const pointers = exhaust(heap, 64);
      expectSound(heap, pointers.length);
      heap.close();
    }
  });

  test('memory known to be zeros is not wiped', () => {
    const heap = Heap.create(new SharedArrayBuffer(MIB), { zeroed: true });
    const pointers = exhaust(heap, 64);
    expectSound(heap, pointers.length);
  });

  test('growing the buffer changes nothing for the heap in it', () => {
    const buffer = new SharedArrayBuffer(MIB, { maxByteLength: 8 * MIB });
    const heap = Heap.create(buffer);
    buffer.grow(4 * MIB);
    const other = Heap.attach(heap.handle);
    expect([heap.size, other.size]).toEqual([MIB, MIB]);
    expect(heap.malloc(2 * MIB)).toBe(0);
    expectSound(heap, 0);
  });

  test('a heap whose buffer was transferred away is closed', () => {
    const heap = Heap.create(new ArrayBuffer(MIB));
    const ptr = heap.malloc(64);
    structuredClone(heap.buffer, { transfer: [heap.buffer as ArrayBuffer] });
    expect(heap.isOpen).toBe(false);
    expect(codeOf(() => heap.malloc(64))).toBe('ECLOSED');
    expect(codeOf(() => heap.free(ptr))).toBe('ECLOSED');
  });

  test('above 2 GiB pointers are as good as below', () => {
    const heap = Heap.create(new SharedArrayBuffer(3 * 2 ** 30), { zeroed: true });
    const low = heap.malloc(1700 * MIB);
    expect(low).toBeGreaterThan(0);
    const pointers: number[] = [];
    for (let i = 0; i < 10_000 && !pointers.some((ptr) => ptr >= 2 ** 31); i++)
      pointers.push(heap.malloc(16_384));
    for (const size of [8, 100, 5000, 100_000]) pointers.push(heap.malloc(size));
    const high = pointers.filter((ptr) => ptr >= 2 ** 31);
    expect(high.length).toBeGreaterThan(1);
    const grown = heap.realloc(high[0], 30_000);
    expect(codeOf(() => heap.free(high[0]))).toBe('EDOUBLEFREE');
    heap.free(grown);
    for (const ptr of high.slice(1)) {
      expect(codeOf(() => heap.free(ptr + 1))).toBe('EBADPTR');
      expect(heap.usableSize(ptr)).toBeGreaterThan(0);
      heap.free(ptr);
      expect(codeOf(() => heap.free(ptr))).toBe('EDOUBLEFREE');
    }
    for (const ptr of pointers) if (ptr < 2 ** 31) heap.free(ptr);
    heap.free(low);
    expectSound(heap, 0);
  });

  test('above 16 GiB, where the runtime has so much, blocks lie at multiples of 16', () => {
    const buffer = new SharedArrayBuffer(17 * 2 ** 30);
    if (Number(process.versions.node.split('.')[0]) < 22) {
      expect(codeOf(() => Heap.create(buffer))).toBe('ENOTSUP');
      return;
    }
    const heap = Heap.create(buffer, { zeroed: true });
    const low = heap.malloc(1640 * MIB); // nearly all of the low part
    const pointers = [0, 1, 8, 24, 40, 100, 5000, 16_384, 100_000].map((each) => heap.malloc(each));
    const more = Array.from({ length: 8000 }, () => heap.malloc(16_384));
    expect([...pointers, ...more].every((ptr) => ptr > 0 && ptr % 16 === 0)).toBe(true);
    expect(Math.max(...pointers, ...more)).toBeGreaterThan(16_280 * MIB);
    expect(heap.usableSize(pointers[3])).toBe(32);
    const far = heap.alignedAlloc(64, 24);
    heap.view(Uint8Array, far, 24).fill(7);
    expect(codeOf(() => heap.free(far + 8))).toBe('EBADPTR');
    expect(codeOf(() => heap.free(far + 2 ** 32))).toMatch(/EBADPTR|EDOUBLEFREE/);
    expectSound(heap, 2 + pointers.length + more.length);
    for (const ptr of [low, far, ...pointers, ...more]) heap.free(ptr);
    expect(codeOf(() => heap.free(far))).toBe('EDOUBLEFREE');
    // nor does one that takes nearly all keep the small ones from the 4 GiB in which their states must lie
    const nearlyAll = heap.malloc(16_280 * MIB);
    const small = heap.malloc(16);
    expect(Math.min(nearlyAll, small)).toBeGreaterThan(0);
    heap.free(nearlyAll);
    heap.free(small);
    expectSound(heap, 0);
  });

  test.each<[string, unknown]>([
    ['too small', new SharedArrayBuffer(MIN_REGION - 1)],
    ['empty', new ArrayBuffer(0)],
    ['at an odd offset', new Uint8Array(new SharedArrayBuffer(MIB), 4)],
    ['null', null],
    ['undefined', undefined],
    ['a number', MIB],
    ['an array', [1, 2]],
    ['an object that looks like a buffer', { byteLength: MIB }],
  ])('create refuses memory that is %s', (_, memory) => {
    expect(codeOf(() => Heap.create(memory as SharedArrayBuffer))).toBe('EINVAL');
  });

  test('the smallest region holds a heap', () => {
    const heap = Heap.create(new SharedArrayBuffer(MIN_REGION));
    expect(exhaust(heap, 64).length).toBeGreaterThan(2000);
    expect(heap.check()).toBe(1);
  });

  test.each<[string, unknown]>([
    ['threads', 0],
    ['threads', MAX_THREADS + 1],
    ['threads', 1.5],
    ['threads', '4'],
    ['threads', null],
    ['cacheBytes', 63],
    ['cacheBytes', MIB + 1],
    ['cacheBytes', NaN],
    ['cacheBytes', {}],
  ])('create refuses the option %s = %p', (name, value) => {
    const memory = new Uint8Array(new SharedArrayBuffer(MIB)).fill(9);
    expect(codeOf(() => Heap.create(memory, { [name]: value }))).toBe('EINVAL');
    expect(memory.every((byte) => byte === 9)).toBe(true);
  });

  test.each([64, 100, 4096, MIB])('a heap works with caches of %p bytes a class', (cacheBytes) => {
    const heap = Heap.create(new SharedArrayBuffer(16 * MIB), { cacheBytes });
    const pointers = [8, 64, 1000, 16_384].flatMap((size) =>
      Array.from({ length: 300 }, () => heap.malloc(size)),
    );
    expect(new Set(pointers).size).toBe(1200);
    for (const ptr of pointers) heap.free(ptr);
    expectSound(heap, 0);
  });
});

describe('cost', () => {
  const ATOMICS = [
    'add',
    'and',
    'compareExchange',
    'exchange',
    'load',
    'notify',
    'or',
    'store',
    'sub',
    'wait',
    'xor',
  ] as const;

  /** Calls of Atomics functions while `work` runs, by name. */
  function atomicsBy(work: () => void): Partial<Record<(typeof ATOMICS)[number], number>> {
    const spies = ATOMICS.map((name) => jest.spyOn(Atomics, name));
    work();
    const calls = spies.map((spy, i) => [ATOMICS[i], spy.mock.calls.length] as const);
    for (const spy of spies) spy.mockRestore();
    return Object.fromEntries(calls.filter(([, count]) => count > 0));
  }
  const atomicsOf = (work: () => void): number =>
    Object.values(atomicsBy(work)).reduce((sum, count) => sum + count, 0);

  test('malloc and free of a size that is in the cache make no atomic operation', () => {
    const heap = newHeap();
    const sizes = [0, 8, 64, 1000, 4096, 16_384];
    for (const size of sizes) heap.free(heap.malloc(size));
    const pairs = (): void => {
      for (const size of sizes) heap.free(heap.malloc(size));
    };
    expect(atomicsOf(pairs)).toBe(0);
    expect(atomicsOf(() => heap.malloc(2000))).toBeGreaterThan(0); // a cold class: the count counts
  });

  test('a block of pages that is in the cache is had without an atomic operation, and freed with one', () => {
    const threads = new FakeThreads();
    const heap = Heap.create(new SharedArrayBuffer(8 * MIB), { host: threads.hostOf(11) });
    const other = Heap.attach(heap.handle, { host: threads.hostOf(22) });
    for (const size of [16_385, 20_480, 65_536, 131_072]) {
      heap.free(heap.malloc(size));
      let ptr = 0;
      expect(atomicsBy(() => (ptr = heap.malloc(size)))).toEqual({});
      expect(atomicsBy(() => heap.free(ptr))).toEqual({ compareExchange: 1 });
      // whoever frees it
      expect(atomicsBy(() => (ptr = heap.malloc(size)))).toEqual({});
      expect(atomicsBy(() => other.free(ptr))).toEqual({ compareExchange: 1 });
      expect(atomicsBy(() => (ptr = other.malloc(size)))).toEqual({});
      expect(atomicsBy(() => other.free(ptr))).toEqual({ compareExchange: 1 });
    }
    expect(atomicsOf(() => heap.malloc(131_073))).toBeGreaterThan(0); // too long for a cache
  });

  test.each([true, false])(
    'one that frees what another thread took makes one exchange, once the slab is shared (barrier: %p)',
    (hasBarrier) => {
      const threads = new FakeThreads(hasBarrier);
      const heap = Heap.create(new SharedArrayBuffer(4 * MIB), { host: threads.hostOf(11) });
      const other = Heap.attach(heap.handle, { host: threads.hostOf(22) });
      const pointers = Array.from({ length: 20 }, () => heap.malloc(64));
      other.free(pointers.pop()!);
      for (const ptr of pointers.splice(10)) {
        expect(atomicsBy(() => other.free(ptr))).toEqual({ compareExchange: 1 });
      }
      // so does its owner there; it takes what it has without any
      for (const ptr of pointers) expect(atomicsBy(() => heap.free(ptr))).toEqual({ compareExchange: 1 });
      expect(atomicsOf(() => heap.malloc(64))).toBe(0);
    },
  );

  test('blocks of this thread make none in an exclusive slab, however many threads there are', () => {
    const threads = new FakeThreads();
    const heap = Heap.create(new SharedArrayBuffer(4 * MIB), { host: threads.hostOf(11) });
    for (let tid = 22; tid < 30; tid++) Heap.attach(heap.handle, { host: threads.hostOf(tid) });
    heap.free(heap.malloc(64));
    expect(atomicsOf(() => heap.free(heap.malloc(64)))).toBe(0);
  });

  test('a thousand small blocks taken and freed in a row need few', () => {
    const heap = newHeap();
    const pointers = Array.from({ length: 1000 }, () => heap.malloc(64));
    for (const ptr of pointers) heap.free(ptr);
    const again = (): void => {
      for (let i = 0; i < 1000; i++) pointers[i] = heap.malloc(64);
      for (const ptr of pointers) heap.free(ptr);
    };
    expect(atomicsOf(again)).toBeLessThan(200);
  });
});

describe('attach', () => {
  test('a heap object of another thread has the same blocks', async () => {
    const heap = newHeap();
    const pointers = SIZES.map((size) => heap.malloc(size));
    const usable = pointers.map((ptr) => heap.usableSize(ptr));
    const task: VisitorTask = { handle: heap.handle, close: false, pointers };
    expect(await runWorker('visitor', task)).toEqual({ usable, closed: false });
    expectSound(heap, pointers.length);
  });

  const forged = (change: (handle: HeapHandle) => unknown): unknown => change(newHeap(MIB).handle);

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /EINVAL/],
    ['null', null, /EINVAL/],
    ['a number', 7, /EINVAL/],
    ['an empty object', {}, /EINVAL/],
    ['a buffer', new SharedArrayBuffer(MIB), /EINVAL/],
    ['a heap', newHeap(MIB), /EINVAL|no error/],
    ['no buffer', forged((handle) => ({ ...handle, buffer: undefined })), /EINVAL/],
    ['another buffer', forged((handle) => ({ ...handle, buffer: new SharedArrayBuffer(MIB) })), /ECLOSED/],
    ['a short buffer', forged((handle) => ({ ...handle, buffer: new SharedArrayBuffer(8) })), /EINVAL/],
    ['another id', forged((handle) => ({ ...handle, id: [1, 2] })), /ECLOSED/],
    ['half an id', forged((handle) => ({ ...handle, id: [handle.id[0]] })), /EINVAL/],
    ['an id of text', forged((handle) => ({ ...handle, id: handle.id.map(String) })), /EINVAL/],
    ['no id', forged((handle) => ({ ...handle, id: undefined })), /EINVAL/],
    ['a shifted offset', forged((handle) => ({ ...handle, byteOffset: 8, size: MIB - 4096 })), /ECLOSED/],
    ['an odd offset', forged((handle) => ({ ...handle, byteOffset: 4 })), /EINVAL/],
    ['a negative offset', forged((handle) => ({ ...handle, byteOffset: -8 })), /EINVAL/],
    ['an offset that is no number', forged((handle) => ({ ...handle, byteOffset: '0' })), /EINVAL/],
    ['a shorter size', forged((handle) => ({ ...handle, size: MIB / 2 })), /ECORRUPT/],
    ['a longer size', forged((handle) => ({ ...handle, size: 2 * MIB })), /EINVAL/],
    ['a size of NaN', forged((handle) => ({ ...handle, size: NaN })), /EINVAL/],
    ['a size of 2^53', forged((handle) => ({ ...handle, size: 2 ** 53 })), /EINVAL/],
  ])('a handle that is %s is refused', (_, handle, code) => {
    expect(codeOf(() => Heap.attach(handle as HeapHandle))).toMatch(code);
  });

  test('a handle outlives no close, not even when another heap is made in its place', () => {
    const heap = newHeap();
    const { handle } = heap;
    heap.close();
    expect(codeOf(() => Heap.attach(handle))).toBe('ECLOSED');
    new Uint8Array(heap.buffer).fill(0);
    expect(codeOf(() => Heap.attach(handle))).toBe('ECLOSED');
    const successor = Heap.create(heap.buffer);
    expect(codeOf(() => Heap.attach(handle))).toBe('ECLOSED');
    expect(Heap.attach(successor.handle).check()).toBe(1);
  });

  test('a refused attach leaves the heap as it was', () => {
    const heap = newHeap();
    const before = heap.stats();
    for (const id of [
      [1, 2],
      ['x', 1],
    ]) {
      codeOf(() => Heap.attach({ ...heap.handle, id } as unknown as HeapHandle));
    }
    expect(heap.stats()).toEqual(before);
  });

  test('a full heap has no room for another cache, and stays sound', () => {
    const heap = newHeap(MIB);
    const pointers = exhaust(heap, 16_384);
    exhaust(heap, 4096);
    exhaust(heap, 8);
    const { threads } = heap.stats();
    expect(codeOf(() => Heap.attach(heap.handle))).toBe('ENOMEM');
    expect(heap.stats().threads).toBe(threads);
    expect(heap.check()).toBe(1);
    for (const ptr of pointers) heap.free(ptr);
    heap.malloc(heap.size); // out of memory: cached blocks and empty slabs go back
    Heap.attach(heap.handle).detach();
    expect(heap.check()).toBe(1);
  });
});
