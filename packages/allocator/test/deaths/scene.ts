// A heap that one thread keeps and another dies in. What the dying thread does is recorded, so that the memory of its
// death at each write is had from one run.

import { Heap } from '@vmem-ts/allocator';
import { Extents } from '#src/layout/region-layout';
import { exhaust } from '../support/exhaust';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { MortalThread } from '../support/mortal-thread';
import { Storage } from '../support/storage';
import { Hands, NOTHING, mark, type Held } from './hands';
import { liveBlocks } from './live-blocks';
import { Recording, type Circumstances } from './recording';

export const KIB = 1024;
export const MIB = 1024 * KIB;
/** So small that most stacks hold two blocks, and slow paths are near. */
const CACHE_BYTES = 64;
/** Of the table of threads: the dead's may be the only one for another. */
export const SLOTS = 3;
export const SURVIVOR = 11;
export const MORTAL = 22;
export const GUEST = 44;

/** What kind of heap, on what kind of system. */
export interface Place {
  readonly hasBarrier: boolean;
  /** The policy of a heap that can grow; without it, it has storage for all of its region. */
  readonly grows: 'default' | 'conservative' | undefined;
  /** Threads that can attach. */
  readonly slots?: number;
}

export const SIZE = 512 * KIB;
/** Of a heap that can grow: more than a step of growth, which is 4 MiB. */
export const MOST = 6 * MIB;

/** One for each size: memory that was never touched is dear. */
const buffers = new Map<number, SharedArrayBuffer>();

function emptyBuffer(size: number): SharedArrayBuffer {
  const buffer = buffers.get(size) ?? new SharedArrayBuffer(size);
  buffers.set(size, buffer);
  new Uint8Array(buffer).fill(0);
  return buffer;
}

export class Scene {
  readonly threads: FakeThreads;
  readonly storage: Storage | undefined;
  readonly heap: Heap;
  readonly inner: InnerHeap;
  readonly mortal: MortalThread;
  /** Another that survives. */
  guest: Heap | undefined;
  /** What the dying thread does goes through here, once it is attached. */
  hands: Hands | undefined;
  /** Blocks of those that survive. */
  readonly kept: Held[] = [];
  /** Pages of data that can be had when nothing is live and one thread is attached. */
  readonly pagesAtFirst: number;
  /** True if the others can't count on getting what they ask for while the dead's blocks are live. */
  isFull = false;
  /** Others that are dead by the time at which the survivors look. */
  readonly dyingLater: number[] = [];
  /** Blocks that are live and that nobody has, since threads died before this one. */
  orphans: readonly number[] = [];
  private recording: Recording | undefined;
  private serial = 0;

  constructor(readonly place: Place) {
    const { hasBarrier, grows } = place;
    this.threads = new FakeThreads(hasBarrier);
    const buffer = emptyBuffer(grows === undefined ? SIZE : MOST);
    this.storage = grows === undefined ? undefined : new Storage(buffer);
    this.heap = Heap.create(buffer, {
      cacheBytes: CACHE_BYTES,
      threads: place.slots ?? SLOTS,
      zeroed: true,
      host: this.threads.hostOf(SURVIVOR),
      ...(this.storage !== undefined && { size: MIB, policy: grows!, source: this.storage }),
    });
    this.inner = new InnerHeap(this.heap);
    this.mortal = new MortalThread(this.threads.hostOf(MORTAL), this.storage);
    this.pagesAtFirst = this.freePages + this.inner.i32[Extents.unbackedPages];
    for (const size of [24, 24, 100, 3000, 16_384, 20_000]) this.take(size);
  }

  get freePages(): number {
    return this.inner.i32[Extents.freePages];
  }

  /** The dying thread's heap; its hands, if it should be known what it has. */
  get theirs(): Hands {
    return this.hands!;
  }

  /** A block that a survivor has to the end. */
  take(size: number, by = this.heap): number {
    return this.keep(by.malloc(size), size);
  }

  keep(ptr: number, size: number): number {
    if (ptr === 0) throw new Error(`the scene has no room for ${size} bytes`);
    this.kept.push(mark(this.inner.u8, ptr, size, this.serial++));
    return ptr;
  }

  /** A block that a survivor has taken, for the dying thread to free. */
  gift(size: number, by = this.heap): number {
    const ptr = by.malloc(size);
    if (ptr === 0) throw new Error(`the scene has no room for ${size} bytes`);
    return this.theirs.receive(mark(this.inner.u8, ptr, size, this.serial++));
  }

  attachGuest(): Heap {
    return (this.guest = this.attach(GUEST));
  }

  attach(tid: number): Heap {
    return Heap.attach(this.heap.handle, {
      host: this.threads.hostOf(tid),
      ...(this.storage !== undefined && { source: this.storage }),
    });
  }

  /** The dying thread attaches, and takes blocks of its own for the survivors to find. */
  attachMortal(): void {
    this.mortal.run(() => {
      this.handTo(this.mortal.attach(this.heap.handle));
      for (const size of [40, 1500, 28_000]) this.theirs.malloc(size);
    });
  }

  /** The dying thread attaches as its last act. */
  attachLast(): void {
    this.handTo(this.mortal.attach(this.heap.handle));
  }

  /** Takes all pages and blocks of these sizes, for good. */
  fill(...sizes: number[]): void {
    this.isFull = true;
    for (const size of sizes) for (const ptr of exhaust(this.heap, size)) this.keep(ptr, size);
  }

  private handTo(theirs: Heap): void {
    this.hands = new Hands(theirs, this.inner.u8, (write) => this.recording?.after(write));
  }

  /** Runs what the thread does last, and writes down all that happens to the memory. */
  record(act: () => void): Recording {
    const held = new Set([...this.kept, ...(this.hands?.now.blocks ?? [])].map(({ ptr }) => ptr));
    this.orphans = [...liveBlocks(this.inner).keys()].filter((ptr) => !held.has(ptr));
    const recording = new Recording(new Uint8Array(this.heap.buffer), () => this.circumstances());
    this.recording = recording;
    this.mortal.record(recording, act);
    this.recording = undefined;
    recording.end();
    return recording;
  }

  private circumstances(): Circumstances {
    const { hands, threads, storage, dyingLater } = this;
    return {
      holdings: hands?.now ?? NOTHING,
      notes: threads.notesOf(MORTAL),
      storage: storage?.state,
      dead: [...threads.deadThreads, ...dyingLater],
    };
  }
}
