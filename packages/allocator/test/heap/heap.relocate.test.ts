// Blocks that move to where they make for less fragmentation.

import { Heap } from '@vmem-ts/allocator';
import { ModelHeap } from '../support/model-heap';
import { randomFor } from '../support/random';
import { codeOf } from '../support/thrown';

const MIB = 1 << 20;
const newHeap = (bytes = 16 * MIB): Heap => Heap.create(new SharedArrayBuffer(bytes));

test.each([24, 100, 1000, 3000, 10_000])(
  'blocks of %i bytes, of which a few live, end up in few slabs',
  (size) => {
    const random = randomFor(`relocate ${size}`);
    const model = new ModelHeap(newHeap());
    const all = Array.from({ length: (4 * MIB) / size }, () => model.malloc(size));
    for (const ptr of all) if (random.below(4) > 0) model.free(ptr);
    model.heap.purge(); // empties the caches
    const before = model.heap.stats();
    for (let pass = 0; pass < 2; pass++) for (const ptr of [...model.pointers]) model.relocate(ptr);
    model.verifyAll();
    model.heap.purge();
    const { slabFree, pagesFree } = model.heap.stats();
    expect(slabFree).toBeLessThan(before.slabFree / 4);
    expect(pagesFree).toBeGreaterThan(before.pagesFree + before.slabFree / 2);
    expect(model.heap.checkReport().problems).toEqual([]);
  },
);

test('nothing moves for ever', () => {
  const random = randomFor('relocate again');
  const model = new ModelHeap(newHeap());
  for (let i = 0; i < 5000; i++) model.malloc(random.below(4000));
  for (const ptr of random.shuffle([...model.pointers]).slice(0, 3000)) model.free(ptr);
  for (let i = 0; i < 100; i++) model.malloc(20_000 + random.below(50_000));
  let moves = 1;
  for (let pass = 0; moves > 0; pass++) {
    expect(pass).toBeLessThan(100);
    moves = [...model.pointers].filter((ptr) => model.relocate(ptr) !== 0).length;
  }
  model.verifyAll();
});

test('a block stays that is alone, or in a full slab', () => {
  const heap = newHeap();
  const alone = heap.malloc(1000);
  expect(heap.relocate(alone)).toBe(0);
  const pointers = new Float64Array(5000);
  heap.mallocMany(40, 5000, pointers);
  const moved = [...pointers].filter((ptr) => heap.relocate(ptr) !== 0);
  expect(moved.length).toBeLessThan(200); // those of the last slab
});

test('pages move down, and keep their alignment', () => {
  const heap = newHeap();
  const pointers = Array.from({ length: 40 }, () => heap.malloc(200_000)).sort((a, b) => a - b);
  for (const ptr of pointers.filter((_, i) => i % 2 === 0)) heap.free(ptr);
  for (const ptr of pointers.filter((_, i) => i % 2 === 1)) {
    const moved = heap.relocate(ptr);
    if (moved === 0) continue;
    expect(moved).toBeLessThan(ptr);
    for (let alignment = 4096; ptr % alignment === 0; alignment *= 2) expect(moved % alignment).toBe(0);
  }
  expect(heap.check()).toBe(1);
  expect(heap.stats().liveBlocks).toBe(20);
});

test('blocks of another thread move, too', () => {
  const heap = newHeap();
  const other = Heap.attach(heap.handle);
  const pointers = Array.from({ length: 2000 }, () => other.malloc(1000));
  const kept = pointers.filter((_, i) => i % 5 === 0);
  other.freeMany(pointers.filter((_, i) => i % 5 > 0));
  heap.purge();
  const moved = kept.map((ptr) => heap.relocate(ptr)).filter((ptr) => ptr !== 0);
  expect(moved.length).toBeGreaterThan(0);
  for (const ptr of moved) other.free(ptr);
  expect(heap.check()).toBe(1);
  expect(heap.stats().liveBlocks).toBe(kept.length - moved.length);
});

test('NULL stays NULL, and what is no live block is refused', () => {
  const heap = newHeap();
  const ptr = heap.malloc(100);
  const large = heap.malloc(100_000);
  expect(heap.relocate(0)).toBe(0);
  for (const wrong of [ptr + 8, large + 4096, -1, 1.5, heap.size]) {
    expect(codeOf(() => heap.relocate(wrong))).toBe('EBADPTR');
  }
  heap.free(ptr);
  heap.free(large);
  for (const freed of [ptr, large]) expect(codeOf(() => heap.relocate(freed))).toBe('EDOUBLEFREE');
  heap.close();
  expect(codeOf(() => heap.relocate(ptr))).toBe('ECLOSED');
});

test('the heap does not grow for it', () => {
  const heap = Heap.create(new SharedArrayBuffer(16 * MIB), {
    size: MIB,
    source: { back: () => undefined, drop: () => false },
  });
  while (heap.stats().pagesFree > 200_000) heap.malloc(100_000);
  const { backed } = heap.stats();
  const ptr = heap.alignedAlloc(4096, 100_000);
  heap.relocate(ptr);
  expect(heap.stats().backed).toBe(backed);
});
