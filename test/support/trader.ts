// A thread that allocates, writes, keeps, hands over, receives, verifies and frees, and knows what it owns.

import type { Vmem } from '@vmem-ts/vmem-api';
import type { Random } from './random';
import type { Parcel, Ring } from './ring';

const MOST_OWNED = 400;
/** What stops all threads, or asks the file system, is done once in so many operations. */
const SELDOM = 5000;

export class Trader {
  sent = 0;
  received = 0;
  private readonly owned: Parcel[] = [];
  private readonly bytes: Uint8Array;
  private patterns = 0;

  constructor(
    private readonly pool: Vmem,
    private readonly random: Random,
    private readonly inbox: Ring,
    private readonly outbox: Ring,
  ) {
    this.bytes = new Uint8Array(pool.buffer, pool.byteOffset, pool.size);
  }

  /** So many operations on the pool, at the end of which this thread owns nothing. */
  trade(operations: number): void {
    for (let done = 0; done < operations; done++) {
      const choice = this.random(16);
      const many = this.random(200);
      const seldom = this.random(SELDOM);
      if (seldom === 0) this.findAllOwned();
      else if (seldom === 1) this.pool.purge();
      else if (many === 0) this.makeMany();
      else if (many === 1) this.destroyMany();
      else if (choice < 8 && this.owned.length < MOST_OWNED) this.make();
      else if (choice < 10) this.receive();
      else if (this.owned.length === 0) this.make();
      else if (choice < 12) this.handOver();
      else if (choice === 12) this.resize();
      else this.destroy(this.pick());
    }
    for (const parcel of this.owned.splice(0)) this.destroy(parcel);
  }

  /** Verifies and frees what waits in a queue; returns how much it was. */
  freeAllOf(ring: Ring): number {
    let count = 0;
    for (let parcel = ring.receive(); parcel; parcel = ring.receive(), count++) this.destroy(parcel);
    return count;
  }

  private make(): void {
    const { pool, random } = this;
    const size = 1 + (random(50) === 0 ? random(70_000) : random(random(8) === 0 ? 6000 : 300));
    const kind = random(12);
    const ptr =
      kind === 0 ? pool.calloc(1, size) : kind === 1 ? pool.alignedAlloc(256, size) : pool.malloc(size);
    if (ptr === 0) throw new Error(`no ${size} bytes, with ${this.owned.length} blocks owned`);
    if (kind === 0 && this.bytes.subarray(ptr, ptr + size).some((byte) => byte !== 0)) {
      throw new Error(`calloc gave a block that is not zero`);
    }
    if (kind === 1 && ptr % 256 !== 0) throw new Error(`alignedAlloc gave ${ptr}`);
    const parcel = { ptr, size, pattern: (this.patterns = (this.patterns + 7) & 0xff) };
    this.bytes.fill(parcel.pattern, ptr, ptr + size);
    this.owned.push(parcel);
  }

  private makeMany(): void {
    const { pool, random } = this;
    const size = 1 + random(random(8) === 0 ? 6000 : 300);
    const count = Math.min(random(100), MOST_OWNED - this.owned.length);
    if (count <= 0) return;
    const out = random(2) === 0 ? [] : new Float64Array(count);
    if (pool.mallocMany(size, count, out) !== count) throw new Error(`no ${count} blocks of ${size} bytes`);
    for (const ptr of out) {
      const parcel = { ptr, size, pattern: (this.patterns = (this.patterns + 7) & 0xff) };
      this.bytes.fill(parcel.pattern, ptr, ptr + size);
      this.owned.push(parcel);
    }
  }

  private destroyMany(): void {
    const parcels = Array.from({ length: this.random(this.owned.length + 1) }, () => this.pick());
    for (const parcel of parcels) this.deface(parcel);
    const pointers = parcels.map(({ ptr }) => ptr);
    this.pool.freeMany(this.random(2) === 0 ? pointers : Float64Array.from(pointers));
  }

  /** Among all live blocks, and for a byte inside of each. */
  private findAllOwned(): void {
    const sizes = new Map<number, number>();
    for (const { ptr, size } of this.pool.blocks()) sizes.set(ptr, size);
    for (const { ptr, size } of this.owned) {
      const found = sizes.get(ptr) ?? 0;
      if (found < size) throw new Error(`block ${ptr} of ${size} bytes: the walk gives it ${found}`);
      const around = this.pool.blockAt(ptr + this.random(size));
      if (around?.ptr !== ptr || around.size !== found)
        throw new Error(`block ${ptr} of ${found} bytes: around a byte in it is ${around?.ptr}`);
    }
  }

  private pick(): Parcel {
    const at = this.random(this.owned.length);
    const parcel = this.owned[at];
    this.owned[at] = this.owned.at(-1)!;
    this.owned.pop();
    return parcel;
  }

  private receive(): void {
    const parcel = this.inbox.receive();
    if (parcel === undefined) return;
    this.received++;
    this.verify(parcel);
    this.owned.push(parcel);
  }

  private handOver(): void {
    const parcel = this.pick();
    if (this.outbox.send(parcel)) this.sent++;
    else this.destroy(parcel);
  }

  private resize(): void {
    const { ptr, size, pattern } = this.pick();
    const next = 1 + this.random(2 * size);
    const room = this.pool.usableSize(ptr);
    const moved = this.pool.realloc(ptr, next);
    if (next <= room && 2 * next >= room && moved !== ptr)
      throw new Error(`block ${ptr} of ${room} bytes moved for ${next}`);
    if (moved === 0) throw new Error(`no ${next} bytes for a block of ${size}`);
    this.verify({ ptr: moved, size: Math.min(size, next), pattern });
    this.bytes.fill(pattern, moved, moved + next);
    this.owned.push({ ptr: moved, size: next, pattern });
  }

  private destroy(parcel: Parcel): void {
    this.deface(parcel);
    this.pool.free(parcel.ptr);
  }

  /** Verifies a block and writes something else to it. */
  private deface(parcel: Parcel): void {
    this.verify(parcel);
    this.bytes.fill(pattern(parcel.pattern + 1), parcel.ptr, parcel.ptr + parcel.size);
  }

  private verify({ ptr, size, pattern }: Parcel): void {
    const { bytes } = this;
    if (!this.pool.contains(ptr)) throw new Error(`block ${ptr} of ${size} bytes is said not to be live`);
    const [first, middle, last] = [bytes[ptr], bytes[ptr + (size >> 1)], bytes[ptr + size - 1]];
    const isWhole = size > 512 || this.isFilled(ptr, size, pattern);
    if (first !== pattern || middle !== pattern || last !== pattern || !isWhole) {
      throw new Error(`block ${ptr} of ${size} bytes holds ${first} ${middle} ${last}, not ${pattern}`);
    }
  }

  private isFilled(ptr: number, size: number, pattern: number): boolean {
    for (let at = ptr; at < ptr + size; at++) if (this.bytes[at] !== pattern) return false;
    return true;
  }
}

const pattern = (value: number): number => value & 0xff;
