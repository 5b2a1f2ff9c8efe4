// Blocks of the process's pool as buffers, and back: what has been garbage-collected is freed here.

import { constants } from 'node:buffer';
import { VmemError } from '@vmem-ts/allocator';
import { collectGarbage, loadError, openLending, type Lending } from '../../native';
import { isShared } from '../../pool/buffers';
import type { Vmem } from '../../vmem';
import { collectYoungGarbage } from './collect';

/** What the preload needs to know of the process's settings. */
export interface LenderSettings {
  /** Bytes from which on a buffer comes from the pool. */
  readonly minSize: number;
  /** Whether ordinary memory is used when the pool is full. */
  readonly fallsBack: boolean;
}

/** Told of every buffer that comes from the pool and of every block that goes back, where logging is on. */
export interface LenderLog {
  allocated(size: number): void;
  freed(ptr: number): void;
}

/** Blocks that are taken back at a time. */
const BATCH = 1023;
const DESK_BYTES = 8 * (1 + BATCH);
/** Where on the desk the block lies that is not a buffer's yet. */
const UNDER_WAY = 0;

/** All garbage is collected at most once while so much of the pool is lent. */
const PRESSURE_SHARE = 8;
/** Young garbage is collected each time that a thread has lent so many bytes, or that share of a smaller pool. */
const YOUNG_BYTES = 2 ** 24;

/** Nothing has so many bytes: that is more than processors have addresses for. */
const MOST_BYTES = Math.min(constants.MAX_LENGTH, 2 ** 47);

/** An idle thread looks after so many milliseconds whether the pool is full of its garbage, then each time after twice as many. */
const FIRST_LOOK_MS = 100;
const MOST_DOUBLINGS = 6; // to 6.4 s

/** As they were before the preload, or a program, replaced them. */
const Bytes = Uint8Array;
const nextTurn = setImmediate;
const later = setTimeout;
// eslint-disable-next-line @typescript-eslint/unbound-method -- applied to bytes
const fill = Function.prototype.call.bind(Uint8Array.prototype.fill) as (
  bytes: Uint8Array,
  value: number,
) => void;

export class Lender {
  readonly minSize: number;
  readonly #pool: Vmem;
  readonly #lending: Lending;
  readonly #fallsBack: boolean;
  readonly #log: LenderLog | undefined;
  /** Bytes that this thread may lend before it looks how full the pool is. */
  readonly #stretch: number;
  #lentSinceLook = 0;
  /** Bytes lent between two collections of young garbage. */
  readonly #youngStretch: number;
  #lentSinceCollection = 0;
  #collectedThisTurn = false;
  #willLook = false;
  #idleLooks = 0;
  #isTakingBack = false;
  /** Blocks on the desk that have come back and are not free yet. */
  #returned = 0;
  #isPaused = false;

  /** @throws VmemError, MmapError: the thread can't lend of this pool */
  constructor(pool: Vmem, settings: LenderSettings, log: LenderLog | undefined) {
    const { buffer, byteOffset, size } = pool;
    const reason = loadError();
    if (!isShared(buffer) || reason !== null) {
      throw new VmemError('ENOTSUP', `buffers in the pool need the native addon: ${reason?.message ?? ''}`);
    }
    const desk = pool.calloc(1, DESK_BYTES);
    if (desk === 0) throw new VmemError('ENOMEM', 'the pool has no room left for this thread');
    try {
      this.#lending = openLending(buffer, byteOffset, size, { byteOffset: desk, length: DESK_BYTES });
    } catch (error) {
      pool.free(desk);
      throw error;
    }
    this.#pool = pool;
    // no block is empty
    this.minSize = Math.max(1, settings.minSize);
    this.#fallsBack = settings.fallsBack;
    this.#log = log;
    this.#stretch = pool.size / PRESSURE_SHARE;
    this.#youngStretch = Math.min(YOUNG_BYTES, this.#stretch);
  }

  /**
   * An ArrayBuffer in the pool, `bytes` long; undefined if it is to be ordinary memory.
   * @throws RangeError when the pool is full, as V8 does when memory is out
   */
  buffer(bytes: number, zeroed: boolean): ArrayBuffer | undefined {
    const ptr = this.#block(bytes, false);
    if (ptr === 0) return undefined;
    const made = this.#lend(bytes, () => this.#lending.lend(ptr, bytes));
    // V8 fills shared memory, which the pool's own view is of, byte by byte
    if (zeroed) fill(new Bytes(made), 0);
    return made;
  }

  /** The same as a SharedArrayBuffer, all zeros. */
  sharedBuffer(bytes: number): SharedArrayBuffer | undefined {
    const ptr = this.#block(bytes, true);
    return ptr === 0 ? undefined : this.#lend(bytes, () => this.#lending.lendShared(ptr, bytes));
  }

  /** What `act` makes is ordinary memory. */
  withoutPool<T>(act: () => T): T {
    const wasPaused = this.#isPaused;
    this.#isPaused = true;
    try {
      return act();
    } finally {
      this.#isPaused = wasPaused;
    }
  }

  /** Frees the blocks of the buffers that V8 has let go of, in whichever thread. */
  takeBack(): void {
    // the log may need a buffer, too
    if (this.#isTakingBack) return;
    this.#isTakingBack = true;
    try {
      while (this.#freeReturned() > 0);
    } finally {
      this.#isTakingBack = false;
    }
  }

  #freeReturned(): number {
    const { desk } = this.#lending;
    if (this.#returned === 0) this.#returned = this.#lending.takeReturned();
    const count = this.#returned;
    while (this.#returned > 0) {
      const index = this.#returned--;
      const ptr = desk[index];
      // first: what is on the desk at the thread's end comes back, and no block may do so twice
      desk[index] = 0;
      this.#pool.free(ptr); // if that fails, the rest stays for the next time
      this.#log?.freed(ptr);
    }
    return count;
  }

  #block(bytes: number, zeroed: boolean): number {
    // the runtime has words for what no buffer can be
    if (this.#isPaused || bytes > MOST_BYTES) return 0;
    if (this.#lending.returnedCount() !== 0) this.takeBack();
    this.#lentSinceCollection += bytes;
    if (this.#lentSinceCollection > this.#youngStretch) this.#relievePressure();
    let ptr = this.#allocate(bytes, zeroed);
    if (ptr === 0 && bytes < this.#pool.size && this.#collectOnce()) ptr = this.#allocate(bytes, zeroed);
    if (ptr === 0 && !this.#fallsBack) throw new RangeError('Array buffer allocation failed');
    return ptr;
  }

  #allocate(bytes: number, zeroed: boolean): number {
    const ptr = zeroed ? this.#pool.calloc(1, bytes) : this.#pool.malloc(bytes);
    this.#lending.desk[UNDER_WAY] = ptr;
    return ptr;
  }

  #lend<T>(bytes: number, make: () => T): T {
    try {
      const made = make();
      this.#log?.allocated(bytes);
      return made;
    } catch (cause) {
      // Node may hold the block nonetheless, and give it back later: better one that is lost than one that goes back twice
      this.#lending.desk[UNDER_WAY] = 0;
      throw new RangeError('Array buffer allocation failed', { cause });
    }
  }

  /** Has V8 collect what is young, and all when the pool is more than half full: half of it may be garbage. */
  #relievePressure(): void {
    this.#lentSinceLook += this.#lentSinceCollection;
    this.#lentSinceCollection = 0;
    this.#idleLooks = 0;
    this.#lookLater();
    if (this.#lentSinceLook > this.#stretch) {
      this.#lentSinceLook = 0;
      if (this.#isRatherFull && this.#collectOnce()) return;
    }
    collectYoungGarbage();
  }

  get #isRatherFull(): boolean {
    return this.#pool.isOpen && this.#pool.stats().live > this.#pool.size / 2;
  }

  /** A thread that allocates no more would keep its garbage for ever, and other threads would find the pool full. */
  #lookLater(): void {
    if (this.#willLook) return;
    this.#willLook = true;
    const look = (): void => {
      this.#willLook = false;
      if (!this.#isRatherFull) return;
      this.#collectOnce();
      if (this.#idleLooks < MOST_DOUBLINGS) this.#idleLooks++;
      this.#lookLater();
    };
    later(look, FIRST_LOOK_MS * 2 ** this.#idleLooks).unref();
  }

  /**
   * Collects unless that was done in this turn of the event loop. Only in the next one is it known which ArrayBuffers that
   * frees; SharedArrayBuffers come back at once.
   */
  #collectOnce(): boolean {
    if (this.#collectedThisTurn) return false;
    this.#collectedThisTurn = true;
    nextTurn(() => {
      this.#collectedThisTurn = false;
    }).unref();
    collectGarbage();
    this.takeBack();
    return true;
  }
}
