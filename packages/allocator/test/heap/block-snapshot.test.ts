import { Heap, type LiveBlock } from '@vmem-ts/allocator';
import { codeOf } from '../support/thrown';

const MIB = 1 << 20;
const SIZES = [8, 100, 100, 5000, 16_384, 20_000, 300_000];

function sceneOf(): { heap: Heap; pointers: number[] } {
  const heap = Heap.create(new SharedArrayBuffer(4 * MIB));
  const pointers = SIZES.map((size) => heap.malloc(size));
  for (const size of SIZES) heap.free(heap.malloc(size));
  return { heap, pointers: pointers.sort((a, b) => a - b) };
}

const pointersOf = (blocks: Iterable<LiveBlock>): number[] => [...blocks].map(({ ptr }) => ptr);

test('live blocks are there by address, with their usable sizes; cached and free ones are not', () => {
  const { heap, pointers } = sceneOf();
  const blocks = [...heap.blocks()];
  expect(pointersOf(blocks)).toEqual(pointers);
  for (const { ptr, size } of blocks) expect(size).toBe(heap.usableSize(ptr));
  heap.freeMany(pointers);
  expect([...heap.blocks()]).toEqual([]);
});

test('blocks in the caches of other threads are not there, and theirs that are live are', () => {
  const { heap, pointers } = sceneOf();
  const other = Heap.attach(heap.handle);
  const mine = SIZES.map((size) => other.malloc(size));
  for (const ptr of mine.slice(3)) other.free(ptr);
  expect(pointersOf(heap.blocks())).toEqual([...pointers, ...mine.slice(0, 3)].sort((a, b) => a - b));
});

test('what happens after the call is not seen', () => {
  const { heap, pointers } = sceneOf();
  const blocks = heap.blocks();
  heap.free(pointers[3]);
  for (const size of SIZES) heap.malloc(size);
  expect(pointersOf(blocks)).toEqual(pointers);
});

test('the heap may be used, emptied, left and closed on the way', () => {
  const { heap, pointers } = sceneOf();
  const seen: number[] = [];
  for (const { ptr } of heap.blocks()) {
    seen.push(ptr);
    heap.free(ptr);
    heap.malloc(24);
    for (const { ptr: within } of heap.blocks())
      if (within === ptr) throw new Error('seen after it was freed');
  }
  expect(seen).toEqual(pointers);
  for (const end of ['detach', 'close'] as const) {
    const scene = sceneOf();
    const left: number[] = [];
    for (const { ptr } of scene.heap.blocks()) {
      left.push(ptr);
      scene.heap[end]();
    }
    expect(left).toEqual(scene.pointers);
    expect(codeOf(() => scene.heap.blocks())).toBe('ECLOSED');
  }
});

test('leaving it early, or by an error, leaves nothing behind', () => {
  const { heap, pointers } = sceneOf();
  expect(() => {
    for (const { ptr } of heap.blocks()) if (ptr === pointers[2]) throw new Error('enough');
  }).toThrow('enough');
  for (const { ptr } of heap.blocks()) if (ptr === pointers[1]) break;
  Heap.attach(heap.handle).detach();
  expect(heap.checkReport().problems).toEqual([]);
});

test('a million blocks take a byte each, and little more', () => {
  const heap = Heap.create(new SharedArrayBuffer(32 * MIB));
  const out = new Uint32Array(1_000_000);
  expect(heap.mallocMany(16, out.length, out)).toBe(out.length);
  const before = process.memoryUsage().arrayBuffers;
  const blocks = heap.blocks();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_200_000);
  let count = 0;
  for (const { size } of blocks) count += size / 16;
  expect(count).toBe(out.length);
});
