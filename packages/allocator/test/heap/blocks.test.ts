import { Heap } from '@vmem-ts/allocator';
import { asPage } from '#src/base/units';
import { PageKind, PageMap } from '#src/layout/page-map';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { randomFor } from '../support/random';

const MIB = 1 << 20;

test('exactly the first bytes of live blocks are what a heap contains, and every byte of one leads to it', () => {
  const random = randomFor('blocks');
  const model = new ModelHeap(Heap.create(new SharedArrayBuffer(MIB), { cacheBytes: 256 }));
  const { heap } = model;
  for (let i = 0; i < 2000; i++) {
    if (random.chance(55)) model.malloc(random.size(30_000));
    else if (model.liveBlocks > 0) model.free(random.pick(model.pointers));
  }
  const starts = new Set(model.pointers);
  const blockOf = new Map<number, number>();
  for (const ptr of starts) for (let at = 0; at < heap.usableSize(ptr); at++) blockOf.set(ptr + at, ptr);
  const wrong: string[] = [];
  for (let ptr = 0; ptr < heap.size; ptr++) {
    const block = heap.blockAt(ptr);
    if (heap.contains(ptr) !== starts.has(ptr)) wrong.push(`contains(${ptr})`);
    if (block?.ptr !== blockOf.get(ptr)) wrong.push(`blockAt(${ptr}) is at ${block?.ptr}`);
    if (block !== undefined && block.size !== heap.usableSize(block.ptr)) wrong.push(`size at ${ptr}`);
  }
  expect(wrong.slice(0, 5)).toEqual([]);
});

test('a block that is cached or freed is none', () => {
  const heap = Heap.create(new SharedArrayBuffer(4 * MIB));
  for (const size of [8, 5000, 40_000, MIB]) {
    const ptr = heap.malloc(size);
    expect([heap.contains(ptr), heap.blockAt(ptr + size - 1)?.ptr]).toEqual([true, ptr]);
    heap.free(ptr);
    expect([heap.contains(ptr), heap.blockAt(ptr)]).toEqual([false, undefined]);
  }
});

test('a block whose slab goes while it is looked at is none, whatever state was seen', () => {
  const heap = Heap.create(new SharedArrayBuffer(MIB));
  const ptr = heap.malloc(100);
  const sizeClass = new InnerHeap(heap).pageMap.sizeClass(asPage(ptr >> 12));
  const look = jest.spyOn(PageMap.prototype, 'sizeClass');
  try {
    look.mockReturnValueOnce(sizeClass).mockReturnValueOnce(-1);
    expect(heap.contains(ptr)).toBe(false);
    expect(look).toHaveBeenCalledTimes(2);
  } finally {
    look.mockRestore();
  }
  expect(heap.contains(ptr)).toBe(true);
});

test('a large block whose length changes is one all the while', () => {
  const heap = Heap.create(new SharedArrayBuffer(4 * MIB));
  const inner = new InnerHeap(heap);
  const ptr = heap.malloc(100_000);
  inner.pageMap.setTag(inner.extentOf(PageKind.large).page, PageKind.resizing, 25);
  expect([heap.contains(ptr), heap.blockAt(ptr + 99_999)]).toEqual([true, { ptr, size: 102_400 }]);
});

test('pointers beyond 2 GiB', () => {
  const heap = Heap.create(new SharedArrayBuffer(2.5 * 2 ** 30));
  const pointers = [1700 * 2 ** 20, 2 ** 27, 100, 100].map((size) => heap.malloc(size));
  expect(Math.max(...pointers)).toBeGreaterThan(2 ** 31);
  for (const ptr of pointers) {
    expect([heap.contains(ptr), heap.contains(ptr + 2 ** 32), heap.contains(ptr + 8)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(heap.blockAt(ptr + heap.usableSize(ptr) - 1)?.ptr).toBe(ptr);
  }
  expect([...heap.blocks()].map(({ ptr }) => ptr)).toEqual(pointers.sort((a, b) => a - b));
});
