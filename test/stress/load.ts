// The operations of one worker: random ones on random pools, on blocks that are in the worker's row of each pool's ledger or
// on its shelves. Each block is verified before it is freed.

import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import type { Random } from '../support/random';
import { Order, Status, actionIndex, type Action, type Board } from './board';
import { Cookies, LEAST_SIZE } from './cookies';
import { LOST, MARKS, PLACES, SHELVES, entryOf, handsOf, markOf, placesOf, ptrOf } from './ledger';
import { Meter } from './meter';
import { PROFILES, placesFor, type Profile } from './profiles';

/** What a thread needs to work on a pool. */
export interface PoolShare {
  readonly id: number;
  readonly handle: VmemHandle;
  readonly ledger: SharedArrayBuffer;
  /** Bytes that may be in use: of a pool that grows, what it can grow to. */
  readonly bytes: number;
}

/** What stops all threads, or asks the file system, is done once in so many operations. */
const SELDOM = 60_000;
const MOST_AT_ONCE = 48;
/** A slot may not be free yet when the thread that had it is gone. */
const PATIENCE_MS = 10_000;

const MALLOC = actionIndex('malloc');
const FREE = actionIndex('free');

interface Stake {
  pool: Vmem;
  readonly share: PoolShare;
  readonly words: Int32Array;
  readonly cookies: Cookies;
}

export class Load {
  private readonly stakes: Stake[] = [];
  private readonly meter: Meter;
  private readonly hands: number;
  private readonly first: number;
  private profile: Profile = PROFILES[0];
  private workers = 1;
  private mark = 0;
  private readonly many = new Float64Array(MOST_AT_ONCE);

  constructor(
    private readonly board: Board,
    private readonly row: number,
    private readonly random: Random,
  ) {
    this.meter = new Meter(board, row);
    this.hands = handsOf(row);
    this.first = placesOf(row);
    this.adapt();
  }

  /** Attaches to a pool. One that is deleted by now, or stays full, is passed over. */
  add(share: PoolShare): void {
    const pool = this.attach(share);
    if (pool !== undefined)
      this.stakes.push({ pool, share, words: new Int32Array(share.ledger), cookies: new Cookies(pool) });
  }

  /** What has passed since the last operation does not count. */
  resume(): void {
    this.meter.start();
  }

  /** Takes up what the main thread wants done now. */
  adapt(): void {
    this.profile = PROFILES[this.board.order(Order.profile)];
    this.workers = Math.max(1, this.board.order(Order.workers));
  }

  /** Execution was cut short: nobody knows any more what was in this worker's hands. */
  writeOff(): void {
    for (const { words } of this.stakes) {
      Atomics.add(words, LOST, words[this.hands]);
      words[this.hands] = 0;
    }
    this.meter.start();
  }

  detach(): void {
    for (const { pool } of this.stakes.splice(0)) pool.detach();
  }

  /** One operation. */
  step(): void {
    const { stakes } = this;
    if (stakes.length === 0) {
      Atomics.wait(this.board.i32, Order.end - 1, 0, 1);
      return;
    }
    const stake = stakes[stakes.length === 1 ? 0 : this.random(stakes.length)];
    try {
      this.act(stake);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ECLOSED') throw error;
      this.stakes.splice(this.stakes.indexOf(stake), 1); // the main thread has deleted it
    }
    this.meter.end();
  }

  private act(stake: Stake): void {
    const { random } = this;
    const seldom = random(SELDOM);
    if (seldom < 5) {
      this.actSeldom(stake, seldom);
      return;
    }
    const places = placesFor(this.profile, stake.share.bytes, this.workers);
    const index = random(random(4) === 0 ? PLACES : places);
    const place = this.first + index;
    const entry = stake.words[place];
    if (entry === 0) {
      if (index < places) this.make(stake, place, places - index);
    } else if (index >= places) {
      this.destroy(stake, place);
    } else {
      this.use(stake, place, entry, places - index);
    }
  }

  private use(stake: Stake, place: number, entry: number, room: number): void {
    const choice = this.random(100);
    if (choice < 70) this.destroy(stake, place);
    else if (choice < 82) this.exchange(stake, place, entry);
    else if (choice < 93) this.resize(stake, place, entry);
    else if (choice < 95) this.destroyMany(stake, place, room);
    else this.look(stake, entry);
  }

  private actSeldom(stake: Stake, choice: number): void {
    const { pool, share } = stake;
    if (choice === 0) {
      this.begin('purge');
      pool.purge();
    } else if (choice === 1) {
      this.begin('check');
      const { result, problems } = pool.checkReport();
      if (result !== 1) throw new Error(`check: ${problems[0]?.message ?? result}`);
    } else if (choice === 2) {
      this.begin('stats');
      requireBalance(pool);
    } else if (choice === 3) {
      this.begin('detach');
      pool.detach();
      this.meter.end();
      const again = this.attach(share);
      if (again === undefined) this.stakes.splice(this.stakes.indexOf(stake), 1);
      else stake.pool = again;
    } else {
      this.begin('blocks');
      this.findOwned(stake);
    }
  }

  private attach({ handle }: PoolShare): Vmem | undefined {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        this.meter.start();
        this.begin('attach');
        const pool = Vmem.attach(handle);
        this.meter.end();
        return pool;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === 'ECLOSED') return undefined;
        const isOver = performance.now() > end;
        if (code === 'ENOMEM' && isOver) return undefined; // the others keep what they have
        if ((code !== 'EAGAIN' && code !== 'ENOMEM') || isOver) throw error;
        this.meter.end();
        if (code === 'EAGAIN') this.board.i32[this.board.statusAt(this.row, Status.turnedAway)]++;
        Atomics.wait(this.board.i32, Order.pause, this.board.order(Order.pause), 1);
      }
    }
  }

  private make(stake: Stake, place: number, room: number): void {
    const { pool, words } = stake;
    const { random } = this;
    const kind = random(64);
    if (kind === 0) {
      this.makeMany(stake, place, room);
      return;
    }
    const size = this.profile.size(random);
    words[this.hands] = 1;
    let ptr = 0;
    if (kind < 60) {
      this.meter.begin(MALLOC);
      ptr = pool.malloc(size);
    } else if (kind === 60) {
      this.begin('alignedAlloc');
      const alignment = 16 << random(9);
      ptr = pool.alignedAlloc(alignment, size);
      if (ptr % alignment !== 0) throw new Error(`alignedAlloc(${alignment}, ${size}) gave ${ptr}`);
    } else if (kind === 61) {
      this.begin('alloc');
      ptr = allocView(pool, size);
    } else {
      this.begin('calloc');
      ptr = pool.calloc(1, size);
      if (ptr !== 0) this.requireZero(stake, ptr, size);
    }
    if (ptr !== 0) this.keep(stake, place, ptr, size);
    words[this.hands] = 0;
  }

  private keep({ words, cookies, share }: Stake, place: number, ptr: number, size: number): void {
    if (!(ptr > 0 && ptr % 8 === 0 && ptr + size <= share.bytes))
      throw new Error(`a block of ${size} at ${ptr}`);
    this.mark = (this.mark + 1) % MARKS;
    cookies.write(ptr, size, this.mark);
    words[place] = entryOf(ptr, this.mark); // from here on it is in the row
  }

  private makeMany(stake: Stake, place: number, room: number): void {
    const { pool, words } = stake;
    const { many, random } = this;
    let count = 0;
    const most = 1 + random(Math.min(room, MOST_AT_ONCE));
    while (count < most && words[place + count] === 0) count++;
    const size = this.profile.size(random);
    this.begin('mallocMany');
    words[this.hands] = count;
    const out = random(2) === 0 ? many : [];
    const got = pool.mallocMany(size, count, out);
    for (let i = 0; i < got; i++) this.keep(stake, place + i, out[i], size);
    words[this.hands] = 0;
  }

  private destroy(stake: Stake, place: number): void {
    const { pool, words } = stake;
    this.meter.begin(FREE);
    const entry = words[place];
    words[this.hands] = 1;
    words[place] = 0;
    const ptr = ptrOf(entry);
    this.requireWhole(stake, entry);
    stake.cookies.deface(ptr);
    pool.free(ptr);
    words[this.hands] = 0;
  }

  private destroyMany(stake: Stake, place: number, room: number): void {
    const { pool, words } = stake;
    const { many, random } = this;
    this.begin('freeMany');
    const most = 1 + random(Math.min(room, MOST_AT_ONCE));
    words[this.hands] = most;
    let count = 0;
    for (let i = 0; i < most; i++) {
      const entry = words[place + i];
      if (entry === 0) continue;
      words[place + i] = 0;
      this.requireWhole(stake, entry);
      stake.cookies.deface(ptrOf(entry));
      many[count++] = ptrOf(entry);
    }
    pool.freeMany(random(2) === 0 ? many : Array.from(many.subarray(0, count)), count);
    words[this.hands] = 0;
  }

  /** Puts a block on a shelf and takes what is there. */
  private exchange({ words }: Stake, place: number, entry: number): void {
    this.begin('exchange');
    words[this.hands] = 1;
    words[place] = 0;
    words[place] = Atomics.exchange(words, this.random(SHELVES), entry);
    words[this.hands] = 0;
  }

  private resize(stake: Stake, place: number, entry: number): void {
    const { pool, words, cookies } = stake;
    this.begin('realloc');
    const size = this.requireWhole(stake, entry);
    const ptr = ptrOf(entry);
    const next = LEAST_SIZE + this.random(2 * size);
    words[this.hands] = 2;
    words[place] = 0;
    const moved = pool.realloc(ptr, next);
    if (moved === 0) {
      words[place] = entry; // memory is out, the old block stays
    } else {
      if (!cookies.isMoved(moved, ptr, size, markOf(entry), Math.min(size, next)))
        this.damaged(stake, moved, `after realloc(${ptr}, ${next}) from ${size}`);
      this.keep(stake, place, moved, next);
    }
    words[this.hands] = 0;
  }

  private look(stake: Stake, entry: number): void {
    this.begin('look');
    const { pool } = stake;
    const ptr = ptrOf(entry);
    const size = this.requireWhole(stake, entry);
    if (!pool.contains(ptr)) this.damaged(stake, ptr, 'is said not to be live');
    if (pool.usableSize(ptr) < size) this.damaged(stake, ptr, `has less than ${size} bytes`);
    if (pool.blockAt(ptr + this.random(size))?.ptr !== ptr)
      this.damaged(stake, ptr, 'is not around a byte in it');
  }

  /** Among all live blocks. */
  private findOwned(stake: Stake): void {
    const sizes = new Map<number, number>();
    for (const { ptr, size } of stake.pool.blocks()) sizes.set(ptr, size);
    for (let place = this.first; place < this.first + PLACES; place++) {
      const entry = stake.words[place];
      if (entry === 0) continue;
      const size = this.requireWhole(stake, entry);
      const found = sizes.get(ptrOf(entry)) ?? 0;
      if (found < size) this.damaged(stake, ptrOf(entry), `of ${size} bytes: the walk gives it ${found}`);
    }
  }

  private requireZero(stake: Stake, ptr: number, size: number): void {
    const { words } = stake.cookies;
    const step = size > 16_384 ? 61 : 1;
    for (let at = ptr >>> 2; at < (ptr + size) >>> 2; at += step)
      if (words[at] !== 0) this.damaged(stake, ptr, `of calloc(1, ${size}) is not zero`);
  }

  private requireWhole(stake: Stake, entry: number): number {
    const size = stake.cookies.sizeAt(ptrOf(entry), markOf(entry));
    if (size < 0) this.damaged(stake, ptrOf(entry), 'does not hold what was written into it');
    return size;
  }

  private damaged({ pool, share, cookies }: Stake, ptr: number, what: string): never {
    pool.contains(ptr); // throws ECLOSED: the pool was deleted, and its memory is another by now
    const words = [...cookies.words.subarray(ptr >>> 2, (ptr >>> 2) + 6)].map((word) => word.toString(16));
    throw new Error(`pool ${share.id}: block ${ptr} ${what}; it begins with ${words.join(' ')}`);
  }

  private begin(action: Action): void {
    this.meter.begin(actionIndex(action));
  }
}

function allocView(pool: Vmem, size: number): number {
  try {
    return pool.alloc(Uint8Array, size).byteOffset - pool.byteOffset;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOMEM') throw error;
    return 0;
  }
}

/** The figures of a pool add up. */
export function requireBalance(pool: Vmem): ReturnType<Vmem['stats']> {
  const stats = pool.stats();
  const { backed, live, cached, slabFree, pagesFree, overhead, perThread } = stats;
  const inCaches = perThread.reduce((sum, thread) => sum + thread.blockBytes + thread.runBytes, 0);
  const parts = [live, cached, slabFree, pagesFree, overhead];
  const sum = parts.reduce((a, b) => a + b);
  if (sum !== backed || parts.some((part) => part < 0) || inCaches !== cached)
    throw new Error(`stats: ${parts.join(' + ')} of ${backed}; caches have ${inCaches}`);
  return stats;
}
