// A heap with some of everything, between guards: what a damaged heap writes outside of its region is seen.

import { Heap, type ThreadHost } from '@vmem-ts/allocator';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import type { Random } from '../support/random';
import { Storage } from '../support/storage';

const SIZE = 3 << 20;
/** What the heap begins with: the rest it has not grown to. */
const FIRST_SIZE = 7 << 18;
/** Bytes before and behind the region. */
const GUARD = 1 << 16;
const GUARD_WORD = 0x67756172;
/** Slots; the last one is never used. */
export const THREADS = 6;
/** The slot whose thread has died, and nobody has noticed. */
export const DEAD = 3;
/** Questions about one thread in a row that only somebody asks who waits for it. */
const PATIENCE = 25;

const memory = new SharedArrayBuffer(SIZE + 2 * GUARD);
const guards = [0, GUARD + SIZE].map((offset) => new Int32Array(memory, offset, GUARD / 4));

export class Scene {
  readonly storage = new Storage(memory, GUARD, SIZE);
  readonly heap: Heap;
  /** Heap objects of living threads; the first is `heap`. */
  readonly heaps: Heap[] = [];
  readonly inner: InnerHeap;
  /** Blocks in callers' hands. */
  readonly live: number[] = [];
  /** How often a thread had to end, because another one waited for it. */
  waits = 0;
  private readonly threads = new FakeThreads();
  private asked = 0;
  private askedOf = 0;
  private tids = 10;

  constructor(private readonly random: Random) {
    new Uint8Array(memory, GUARD, SIZE).fill(0);
    for (const guard of guards) guard.fill(GUARD_WORD);
    this.heap = Heap.create(new Uint8Array(memory, GUARD, SIZE), {
      threads: THREADS,
      size: FIRST_SIZE,
      source: this.storage,
      host: this.newHost(),
    });
    this.heaps.push(this.heap);
    this.inner = new InnerHeap(this.heap);
    this.load();
  }

  /** True if nobody has written outside of the region. */
  get isGuarded(): boolean {
    return guards.every((guard) => guard.every((word) => word === GUARD_WORD));
  }

  /** The same memory as another thread has it. */
  attach(): Heap {
    const heap = Heap.attach(this.heap.handle, { host: this.newHost(), source: this.storage });
    this.heaps.push(heap);
    return heap;
  }

  /** To be called before each operation: a thread is waited for in one operation, not in several. */
  beginWaiting(): void {
    this.asked = 0;
  }

  /**
   * A thread's host. All threads here are one, so who waits for another one waits for ever: it goes on when that one has
   * ended, as threads do at some time.
   */
  private newHost(): ThreadHost {
    const host = this.threads.hostOf(++this.tids);
    const isAlive: ThreadHost['isAlive'] = (thread) => {
      if (thread.tid !== this.askedOf) this.asked = 0;
      this.askedOf = thread.tid;
      if (++this.asked === PATIENCE && host.isAlive(thread)) {
        this.waits++;
        this.threads.killSilently(thread.tid);
      }
      return host.isAlive(thread);
    };
    return { ...host, isAlive };
  }

  private load(): void {
    const { random, heap } = this;
    // holes without storage
    const blocks = Array.from({ length: 5 }, () => heap.malloc(random.between(70_000, 100_000)));
    for (const i of [1, 3]) heap.free(blocks[i]);
    heap.purge();
    for (const i of [0, 2, 4]) this.live.push(blocks[i]);
    // free extents whose pages are not known to be zero
    const dirty = Array.from({ length: 5 }, () => this.writtenBlock(heap, random.between(140_000, 160_000)));
    for (const i of [1, 3]) heap.free(dirty[i]);
    for (const i of [0, 2, 4]) this.live.push(dirty[i]);
    while (this.heaps.length < 4) this.attach();
    this.attach().detach();
    this.heaps.pop();
    const [, second] = this.heaps;
    for (const by of this.heaps) this.loadBy(by);
    this.loadSmallest(heap);
    // blocks that others free, so that slabs are shared
    for (let i = 0; i < 30; i++) second.free(this.takeLive());
    this.threads.kill(11 + DEAD);
    this.heaps.splice(DEAD, 1);
  }

  private loadBy(heap: Heap): void {
    const { random, live } = this;
    const sizes = Array.from({ length: 6 }, () => random.size(5000));
    sizes.push(16, 2048, 5000);
    const own: number[] = [];
    for (const size of sizes) {
      for (let i = random.between(2, 60); i > 0; i--) own.push(heap.malloc(size));
    }
    for (let i = 0; i < 4; i++) own.push(this.writtenBlock(heap, random.between(17_000, 60_000)));
    random.shuffle(own);
    const kept = random.between(5, own.length >> 1);
    for (const ptr of own.splice(kept)) if (ptr !== 0) heap.free(ptr);
    live.push(...own.filter((ptr) => ptr !== 0));
    // a full slab, and many blocks that come and go, for empty ones
    const many: number[] = [];
    const count = heap.mallocMany(random.pick([512, 1024]), 60, many);
    live.push(...many.slice(0, 8));
    heap.freeMany(many.slice(8, count));
  }

  /** So many blocks that an extent of states has several pages; few of each slab stay. */
  private loadSmallest(heap: Heap): void {
    const many: number[] = [];
    heap.mallocMany(8, 18_000, many);
    for (const [i, ptr] of many.entries()) {
      if (i % 300 === 0) this.live.push(ptr);
      else heap.free(ptr);
    }
  }

  /** Pages that somebody has written to are not known to be zero. */
  private writtenBlock(heap: Heap, size: number): number {
    const ptr = heap.malloc(size);
    if (ptr !== 0) new Uint8Array(memory, GUARD + ptr, size).fill(0xee);
    return ptr;
  }

  /** A live block, which the caller frees. */
  takeLive(): number {
    const { live, random } = this;
    const [ptr] = live.splice(random.below(live.length), 1);
    return ptr ?? 0;
  }
}
