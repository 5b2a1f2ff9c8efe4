// What libvmmalloc's own tests do with blocks, in the main thread and in as many workers at once as it is told. Nothing is
// passed to the workers but what they are to do. Ends with a failure where something is not as it should be.

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import * as C from '@vmem-ts/vmem-api/vmmalloc';

interface Task {
  readonly name: string;
  readonly workers: number;
}

const { name, workers } = isMainThread
  ? { name: process.argv[2] ?? '', workers: Number(process.argv[3]) }
  : (workerData as Task);
const isAlone = workers === 0;

const INT = 4;
const PAGE = 4096;
const VALUE = 123456;

const ints = (ptr: number, count: number): Int32Array => C.pool().view(Int32Array, ptr, count);
const memory = (): Uint8Array => {
  const { buffer, byteOffset, size } = C.pool();
  return new Uint8Array(buffer, byteOffset, size);
};

function expectUsable(ptr: number): void {
  notEqual(ptr, 0);
  ints(ptr, 1)[0] = VALUE;
  equal(ints(ptr, 1)[0], VALUE);
}

/** Blocks of that much memory, and so many: with others at work, each thread leaves them their share. */
function blocksOf(allocate: () => number, size: number, most: number): number[] {
  const limit = isAlone ? most : Math.min(most, Math.max(1, Math.floor(2 ** 23 / size)));
  const blocks: number[] = [];
  while (blocks.length < limit) {
    const ptr = allocate();
    if (ptr === 0) break; // memory is out
    blocks.push(ptr);
  }
  ok(blocks.length > 0, 'at least one allocation must succeed');
  return blocks;
}

function freeAll(blocks: readonly number[]): void {
  for (const ptr of blocks) C.free(ptr);
}

function testMalloc(): void {
  const blocks: number[] = [];
  let sum = 0;
  for (let size = INT << 20; size > INT; size /= 2) {
    const ptr = C.malloc(size);
    if (ptr === 0) continue;
    expectUsable(ptr);
    sum += size;
    blocks.push(ptr);
  }
  ok(sum * 2 > C.VMMALLOC_MIN_POOL);
  freeAll(blocks);
}

function testCalloc(): void {
  for (const size of [3584, 20_000, 300_000]) {
    const count = size / INT;
    for (let i = 0; i < 100; i++) {
      const ptr = C.calloc(1, size);
      const block = ints(ptr, count);
      ok(
        block.every((value) => value === 0),
        'calloc returns zeros',
      );
      block.fill(VALUE);
      C.cfree(ptr);
    }
  }
  C.setErrno(0);
  equal(C.calloc(2 ** 40, 2 ** 40), 0);
  equal(C.errno(), 12);
}

function testRealloc(): void {
  let ptr = C.realloc(0, INT);
  expectUsable(ptr);
  ptr = C.realloc(ptr, 10 * INT);
  equal(ints(ptr, 10)[0], VALUE);
  ints(ptr, 10).set([1, 9], 1);
  ptr = C.realloc(ptr, 100_000);
  deepEqual([...ints(ptr, 3)], [VALUE, 1, 9]);
  C.setErrno(0);
  equal(C.realloc(ptr, 2 ** 40), 0);
  equal(C.errno(), 12);
  deepEqual([...ints(ptr, 3)], [VALUE, 1, 9]);
  equal(C.realloc(ptr, 0), 0);
  if (!isAlone) return; // another thread may have the block by now
  C.setErrno(0);
  C.free(ptr);
  equal(C.errno(), 14);
}

function posixMemalign(alignment: number, size: number): number {
  const out = { value: -1 };
  C.setErrno(7);
  const error = C.posix_memalign(out, alignment, size);
  equal(C.errno(), 7);
  ok(error === 0 || (error === 12 && out.value === 0));
  return out.value;
}

function testMemalign(align: (alignment: number, size: number) => number): void {
  for (let alignment = 4 * 2 ** 20; alignment >= 2; alignment /= 2) {
    const most = isAlone || alignment < 2 ** 20 ? 100 : 2;
    const blocks = blocksOf(() => align(alignment, INT), alignment, most);
    for (const ptr of blocks) {
      expectUsable(ptr);
      equal(ptr % alignment, 0);
    }
    freeAll(blocks);
  }
  const none = { value: 5 };
  equal(C.posix_memalign(none, 48, INT), 22);
  equal(none.value, 0);
  for (const wrong of [0, 3, -8, 48, 1.5]) {
    C.setErrno(0);
    equal(C.memalign(wrong, INT), 0);
    equal(C.errno(), 22);
    equal(C.aligned_alloc(wrong, INT), 0);
  }
}

function testValloc(allocate: (size: number) => number): void {
  for (let size = INT; size < 4 * PAGE; size *= 2) {
    const ptr = allocate(size);
    expectUsable(ptr);
    equal(ptr % PAGE, 0);
    if (allocate === C.pvalloc) equal(C.malloc_usable_size(ptr), Math.ceil(size / PAGE) * PAGE);
    C.free(ptr);
  }
  const ptr = allocate(0);
  notEqual(ptr, 0);
  C.free(ptr);
  C.setErrno(0);
  equal(allocate(C.SIZE_MAX), 0);
  equal(C.errno(), 12);
}

/** By how much a block may be larger than what was asked for. */
const SPACINGS: [number, number][] = [
  [10, 8],
  [100, 16],
  [200, 32],
  [500, 64],
  [1000, 128],
  [2000, 256],
  [3000, 512],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((mib): [number, number] => [mib * 2 ** 20, 4 * 2 ** 20]),
];

function testUsableSize(): void {
  equal(C.malloc_usable_size(0), 0);
  for (const [size, spacing] of SPACINGS) {
    const ptr = C.malloc(size);
    notEqual(ptr, 0);
    const usable = C.malloc_usable_size(ptr);
    ok(usable >= size && usable - size <= spacing, `${size} bytes have room for ${usable}`);
    const block = C.pool().view(Uint8Array, ptr, usable).fill(0xee);
    equal(block[usable - 1], 0xee);
    C.free(ptr);
  }
}

function testCheckAllocations(): void {
  const bytes = memory();
  for (let size = 4 * 2 ** 20; size >= INT; size /= 2) {
    const blocks = blocksOf(() => C.malloc(size), size, C.VMMALLOC_MIN_POOL / INT);
    blocks.forEach((ptr, i) => bytes.fill(i, ptr, ptr + size));
    blocks.forEach((ptr, i) => {
      for (let at = ptr; at < ptr + size; at++) {
        if (bytes[at] !== (i & 0xff)) throw new Error(`block ${i} of ${size} bytes was changed`);
      }
      C.free(ptr);
    });
  }
}

function testOutOfMemory(): void {
  const { buffer, byteOffset, size } = C.pool();
  const links = new Float64Array(buffer, byteOffset, Math.floor(size / 8));
  let previous = 0;
  for (;;) {
    const ptr = C.malloc(8);
    if (ptr === 0) break;
    links[ptr / 8] = previous;
    previous = ptr;
  }
  equal(C.errno(), 12);
  notEqual(previous, 0);
  while (previous !== 0) {
    const ptr = previous;
    previous = links[ptr / 8];
    C.free(ptr);
  }
}

const TESTS: Record<string, () => void> = {
  malloc: testMalloc,
  calloc: testCalloc,
  realloc: testRealloc,
  memalign: () => {
    testMemalign(C.memalign);
  },
  posix_memalign: () => {
    testMemalign(posixMemalign);
  },
  aligned_alloc: () => {
    testMemalign(C.aligned_alloc);
  },
  valloc: () => {
    testValloc(C.valloc);
  },
  pvalloc: () => {
    testValloc(C.pvalloc);
  },
  malloc_usable_size: testUsableSize,
  check_allocations: testCheckAllocations,
  out_of_memory: testOutOfMemory,
};

async function main(): Promise<void> {
  const started = Array.from(
    { length: isMainThread ? workers : 0 },
    () => new Worker(__filename, { workerData: { name, workers } satisfies Task }),
  );
  const ends = started.map((worker) => once(worker, 'exit'));
  TESTS[name]();
  const codes = await Promise.all(ends);
  if (!isMainThread) return;
  ok(codes.every(([code]) => code === 0));
  const { problems } = C.pool().checkReport();
  deepEqual(problems, []);
  const { live, liveBlocks } = C.pool().stats();
  deepEqual({ live, liveBlocks }, { live: 0, liveBlocks: 0 });
  writeSync(1, 'DONE');
}

void main();
