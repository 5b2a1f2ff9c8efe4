// A heap that two threads race on, both warm, and what must be true after each race; see `overtaken`.

import { Heap, VmemError } from '@vmem-ts/allocator';
import { PageKind } from '#src/layout/page-map';
import { exhaust } from './exhaust';
import { InnerHeap } from './inner-heap';
import { OvertakenThread } from './overtaken';

export const SIZE = 512 * 1024;
/** Positions of an operation that are tried one by one; then every seventh, so that the long ones end. */
const EACH = 40;

/** A heap that two threads use, both warm, and the blocks that somebody has. */
export class RaceScene {
  readonly overtaken: OvertakenThread;
  readonly fast: Heap;
  readonly slow: Heap;
  readonly live = new Set<number>();
  readonly inner: InnerHeap;

  constructor(hasBarrier: boolean, size = SIZE) {
    this.overtaken = new OvertakenThread(hasBarrier);
    const { host } = this.overtaken;
    // caches so small that most stacks hold two blocks, and slow paths are near
    this.fast = Heap.create(new SharedArrayBuffer(size), { cacheBytes: 64, threads: 4, host });
    this.slow = this.overtaken.attach(this.fast.handle);
    this.inner = new InnerHeap(this.fast);
    for (const size of [24, 3000]) {
      this.overtaken.thread.run(() => this.slow.free(this.slow.malloc(size)));
      this.fast.free(this.fast.malloc(size));
    }
  }

  take(heap: Heap, size: number): number {
    let ptr = 0;
    this.as(heap, () => (ptr = heap.malloc(size)));
    if (ptr === 0) return 0;
    if (this.live.has(ptr)) throw new Error(`${ptr} was given to two`);
    this.live.add(ptr);
    return ptr;
  }

  takeMany(heap: Heap, size: number, count: number): number[] {
    return Array.from({ length: count }, () => this.take(heap, size));
  }

  give(heap: Heap, ptr: number): void {
    this.live.delete(ptr); // before: another thread may get it before we are back
    this.as(heap, () => heap.free(ptr));
  }

  /** The pointer afterwards: another one if the block moved, the same if memory is out. */
  resize(heap: Heap, ptr: number, size: number): number {
    this.live.delete(ptr); // as in `give`
    let moved = 0;
    this.as(heap, () => (moved = heap.realloc(ptr, size)));
    const now = moved === 0 ? ptr : moved;
    if (this.live.has(now)) throw new Error(`${now} was given to two`);
    this.live.add(now);
    return now;
  }

  /** Lengths of the runs of pages in caches. */
  cachedRuns(): number[] {
    const runs = this.inner.extents().filter(({ kind }) => kind === PageKind.cached);
    return runs.map(({ length }) => length);
  }

  /** The heap agrees with what was taken, and every other block of the size can be had once. */
  expectSound(size: number): void {
    const { fast, live } = this;
    expect(fast.checkReport().problems).toEqual([]);
    expect(fast.stats().liveBlocks).toBe(live.size);
    expect(fast.malloc(SIZE)).toBe(0); // out of memory: caches go back
    const inSlabs = fast.stats().classes.find((each) => each.size >= size);
    const others = inSlabs
      ? Array.from({ length: inSlabs.free }, () => fast.malloc(size))
      : exhaust(fast, size);
    const all = [...live, ...others];
    expect(all).not.toContain(0);
    expect(new Set(all).size).toBe(all.length);
    for (const ptr of all) fast.free(ptr);
    expect(fast.malloc(SIZE)).toBe(0);
    expect(fast.checkReport().problems).toEqual([]);
    expect(fast.stats()).toMatchObject({ liveBlocks: 0, cached: 0, slabFree: 0 });
  }

  private as(heap: Heap, action: () => void): void {
    if (heap === this.slow && !this.overtaken.isRunning) this.overtaken.thread.run(action);
    else action();
  }
}

/** Plays a race for each write of the slow thread's operation; `play` returns false where it has no such write. */
export function atEveryWrite(play: (at: number) => boolean): void {
  const failures: string[] = [];
  let at = 0;
  for (; failures.length < 5; at += at < EACH ? 1 : 7) {
    if (at > 20_000) throw new Error('the operation has no end');
    try {
      if (!play(at)) break;
    } catch (error) {
      failures.push(`write ${at}: ${(error as Error).stack?.split('\n    at ', 4).join('\n')}`);
    }
  }
  expect(failures).toEqual([]);
  expect(at).toBeGreaterThan(0);
}

/** What stood there may be forgotten by then. */
export const NO_BLOCK = ['EDOUBLEFREE', 'EBADPTR'];
/** @param refusals what the thread may hear whose call came too late */
export const succeeds = (call: () => void, refusals = ['EDOUBLEFREE']): boolean => {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof VmemError && refusals.includes(error.code)) return false;
    throw error;
  }
};
