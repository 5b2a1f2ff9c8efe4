// Whose blocks lie side by side: states and small blocks of two threads in one cache line slow both down.

import { Heap, type HeapOptions } from '@vmem-ts/allocator';
import { exhaust } from '../support/exhaust';
import { FakeThreads } from '../support/fake-threads';

const PAGE = 4096;
const LIVE_BLOCKS = 300;

function twoThreads(size: number, options: HeapOptions = {}): [Heap, Heap] {
  const threads = new FakeThreads();
  const one = Heap.create(new SharedArrayBuffer(size), { host: threads.hostOf(11), ...options });
  return [one, Heap.attach(one.handle, { host: threads.hostOf(12) })];
}

test.each([8, 64, 200, 1000])(
  'blocks of %p bytes that two threads take by turns lie in pages of their own, also after a while',
  (size) => {
    const heaps = twoThreads(2 ** 22);
    const blocks: number[][] = [[], []];
    for (let i = 0; i < LIVE_BLOCKS; i++) heaps.forEach((heap, side) => blocks[side].push(heap.malloc(size)));
    for (let round = 0; round < 20_000; round++) {
      const side = round % 2;
      const at = (round * 31) % LIVE_BLOCKS;
      heaps[side].free(blocks[side][at]);
      blocks[side][at] = heaps[side].malloc(size);
    }
    const [ones, others] = blocks.map((ptrs) => new Set(ptrs.map((ptr) => Math.floor(ptr / PAGE))));
    expect([...ones].filter((page) => others.has(page))).toEqual([]);
    expect(heaps[0].check()).toBe(1);
  },
);

test.each([64, 1000])('of many blocks of %p bytes that one thread has freed most serve another', (size) => {
  const [one, other] = twoThreads(2 ** 24, { cacheBytes: 64 });
  const taken = Array.from({ length: 5000 }, () => one.malloc(size));
  taken.forEach((ptr, i) => {
    if (i % 2 === 0) one.free(ptr);
  });
  const before = one.stats().pagesFree;
  for (let i = 0; i < 2400; i++) other.malloc(size);
  expect(before - one.stats().pagesFree).toBeLessThan(500 * size); // some slabs
});

test.each([64, 1000])(
  'when memory is scarce a thread takes blocks of %p bytes beside those of others',
  (size) => {
    const [one, other] = twoThreads(2 ** 20);
    const taken = exhaust(one, size);
    const given = taken.filter((_, i) => i % 2 === 0);
    for (const ptr of given) one.free(ptr);
    expect(exhaust(other, size)).toHaveLength(given.length);
  },
);
