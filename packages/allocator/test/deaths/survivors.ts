// What those do who outlive a thread: every operation of a heap, each of which may be the first one after the death.

import { strict as assert } from 'node:assert';
import { Heap, VmemError, type HeapOptions, type PointerArray } from '@vmem-ts/allocator';
import { isUntouched, type Held } from './hands';

/** The heap as a survivor has it. */
export interface Living {
  readonly heap: Heap;
  readonly memory: Uint8Array;
  /** Blocks that the dead had, for the survivors to use. */
  readonly left: Held[];
  /** Usable bytes of all blocks that must be live, by pointer. */
  readonly live: Map<number, number>;
  /** True if there need not be memory for everything. */
  readonly isFull: boolean;
  readonly options: Pick<HeapOptions, 'host' | 'source'>;
}

/** A new block must not be one that somebody has; writes over all of it. */
function isGiven({ heap, live, memory, isFull }: Living, ptr: number, size: number): boolean {
  if (ptr === 0) {
    assert(isFull, `no memory for ${size} bytes`);
    return false;
  }
  assert(!live.has(ptr), `the block at ${ptr} was given to two`);
  const usable = heap.usableSize(ptr);
  assert(usable >= size, `${usable} bytes usable of ${size}`);
  memory.fill(0xa5, ptr, ptr + usable);
  return true;
}

const takes =
  (...sizes: number[]) =>
  (living: Living): void => {
    const pointers = sizes.map((size) => [living.heap.malloc(size), size] as const);
    for (const [ptr, size] of pointers) if (isGiven(living, ptr, size)) living.heap.free(ptr);
  };

const ZEROS = Buffer.alloc(25_000);

function callocs(living: Living): void {
  for (const [count, size] of [
    [3, 32],
    [5, 5000],
  ]) {
    const ptr = living.heap.calloc(count, size);
    const isZero = ZEROS.compare(living.memory, ptr, ptr + count * size, 0, count * size) === 0;
    assert(ptr === 0 || isZero, `calloc(${count}, ${size}) is not all zeros`);
    if (isGiven(living, ptr, count * size)) living.heap.free(ptr);
  }
}

function takesViews({ heap, isFull }: Living): void {
  try {
    const view = heap.alloc(Float64Array, 20);
    view.fill(1);
    assert.equal(heap.view(Float64Array, view.byteOffset - heap.byteOffset, 20)[19], 1);
    heap.free(view);
  } catch (error) {
    if (!isFull || !(error instanceof VmemError) || error.code !== 'ENOMEM') throw error;
  }
}

function takesMany(living: Living): void {
  const { heap, isFull } = living;
  const tasks: [number, number, PointerArray][] = [
    [24, 7, new Float64Array(7)],
    [1000, 3, []],
  ];
  for (const [size, count, out] of tasks) {
    const got = heap.mallocMany(size, count, out);
    assert(got === count || isFull, `${got} of ${count} blocks of ${size} bytes`);
    for (let i = 0; i < got; i++) isGiven(living, out[i], size);
    heap.freeMany(out, got);
  }
}

/** A block of the dead of the given sizes that nobody has freed yet. */
const blockOfTheDead = ({ left }: Living, least: number, most: number): Held | undefined =>
  left.find(({ size }) => size >= least && size <= most);

const frees =
  (least: number, most: number) =>
  (living: Living): void => {
    const block = blockOfTheDead(living, least, most);
    if (block === undefined) return;
    living.left.splice(living.left.indexOf(block), 1);
    living.live.delete(block.ptr);
    living.heap.free(block.ptr);
    const { code } = thrownBy(() => living.heap.free(block.ptr));
    assert(code === 'EDOUBLEFREE' || code === 'EBADPTR', `a second free gives ${code}`);
  };

function thrownBy(action: () => void): VmemError {
  try {
    action();
  } catch (error) {
    if (error instanceof VmemError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const resizes =
  (least: number, most: number, to: number) =>
  (living: Living): void => {
    const { heap, live, left, memory, isFull } = living;
    const block = blockOfTheDead(living, least, most);
    if (block === undefined) return;
    const ptr = heap.realloc(block.ptr, to);
    assert(ptr !== 0 || isFull, `no memory for a realloc to ${to}`);
    if (ptr === 0) return;
    const kept = Math.min(block.size, to);
    assert(isUntouched(memory, { ...block, ptr }, kept), `realloc of a block of the dead lost contents`);
    left.splice(left.indexOf(block), 1);
    live.delete(block.ptr);
    assert(!live.has(ptr), `the block at ${ptr} was given to two`);
    memory.fill(0xa5, ptr, ptr + heap.usableSize(ptr));
    heap.free(ptr);
  };

function attaches({ heap, options, isFull }: Living): void {
  try {
    Heap.attach(heap.handle, options).detach();
  } catch (error) {
    if (!isFull || !(error instanceof VmemError) || error.code !== 'ENOMEM') throw error;
  }
}

function resizesOwn(living: Living): void {
  const { heap } = living;
  let ptr = heap.malloc(60_000);
  if (!isGiven(living, ptr, 60_000)) return;
  for (const size of [30_000, 50_000, 100, 20_000]) {
    const moved = heap.realloc(ptr, size);
    assert(moved !== 0 || living.isFull, `no memory for a realloc to ${size}`);
    if (moved !== 0) ptr = moved;
    assert(!living.live.has(ptr), `the block at ${ptr} was given to two`);
  }
  heap.free(ptr);
}

function looksAtBlocks({ heap, live }: Living): void {
  for (const [ptr, usable] of live) {
    assert(heap.contains(ptr), `the block at ${ptr} is gone`);
    assert.equal(heap.usableSize(ptr), usable, `usable bytes at ${ptr}`);
  }
  const [first] = live;
  assert.equal(heap.blockAt(first[0] + first[1] - 1)?.ptr, first[0]);
}

export function walks({ heap, live }: Living): void {
  const found = [...heap.blocks()].map(({ ptr, size }) => `${ptr}: ${size}`);
  const expected = [...live].sort(([one], [other]) => one - other).map(([ptr, size]) => `${ptr}: ${size}`);
  assert.equal(found.join(), expected.join(), 'a walk finds other blocks than live on');
}

export function checks({ heap }: Living): void {
  const { result, problems } = heap.checkReport();
  assert.equal(problems.map(({ invariant, message }) => `${invariant} ${message}`).join(), '');
  assert.equal(result, 1);
}

/** Looks after all the dead. */
export const REAPING = 'a malloc that finds no memory';

/** Puts right what others have left half done with the storage. */
export const PURGING = 'purge';

/** Each is tried first, second, ... after some deaths of every operation. */
export const SURVIVORS: readonly [string, (living: Living) => void][] = [
  ['malloc of small blocks', takes(24, 24, 24, 40, 100)],
  ['a free of a small block of the dead', frees(1, 100)],
  ['check', checks],
  ['malloc of blocks of a new class', takes(700, 2000)],
  ['attach and detach of another one', attaches],
  ['malloc of runs of pages', takes(17_000, 24_000, 28_000)],
  ['a realloc of a block of the dead', resizes(101, 16_384, 200)],
  ['stats', ({ heap, live }) => assert.equal(heap.stats().liveBlocks, live.size)],
  ['calloc', callocs],
  ['a realloc of a large block of the dead', resizes(16_385, 1e6, 20_000)],
  ['mallocMany and freeMany', takesMany],
  [REAPING, ({ heap }) => assert.equal(heap.malloc(heap.size), 0)],
  ['alloc', takesViews],
  ['blocks', walks],
  ['realloc', resizesOwn],
  [PURGING, ({ heap }) => heap.purge()],
  ['a free of a large block of the dead', frees(16_385, 1e6)],
  ['usableSize', looksAtBlocks],
  [
    'alignedAlloc',
    (living): void => {
      const ptr = living.heap.alignedAlloc(16_384, 17_000);
      assert.equal(ptr % 16_384, 0);
      if (isGiven(living, ptr, 17_000)) living.heap.free(ptr);
    },
  ],
  ['malloc of a slab', takes(16_384, 5000)],
  ['malloc of whole pages', takes(40_000)],
];
