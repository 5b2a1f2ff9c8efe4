// A queue in shared memory from one thread to one other: pointers with their sizes and patterns.

const CAPACITY = 256;
const WORDS = 4;
const HEAD = 0;
const TAIL = 16;
const SLOTS = 32;

export interface Parcel {
  readonly ptr: number;
  readonly size: number;
  readonly pattern: number;
}

export class Ring {
  private readonly i32: Int32Array;

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer((SLOTS + CAPACITY * WORDS) * 4);
  }

  constructor(memory: SharedArrayBuffer) {
    this.i32 = new Int32Array(memory);
  }

  /** False if the queue is full. */
  send({ ptr, size, pattern }: Parcel): boolean {
    const { i32 } = this;
    const tail = Atomics.load(i32, TAIL);
    if (tail - Atomics.load(i32, HEAD) === CAPACITY) return false;
    const at = SLOTS + (tail % CAPACITY) * WORDS;
    i32[at] = ptr % 2 ** 31;
    i32[at + 1] = Math.floor(ptr / 2 ** 31);
    i32[at + 2] = size;
    i32[at + 3] = pattern;
    Atomics.store(i32, TAIL, tail + 1); // publishes the parcel and what is written in its block
    return true;
  }

  receive(): Parcel | undefined {
    const { i32 } = this;
    const head = Atomics.load(i32, HEAD);
    if (head === Atomics.load(i32, TAIL)) return undefined; // acquires what `send` published
    const at = SLOTS + (head % CAPACITY) * WORDS;
    const parcel = { ptr: i32[at] + i32[at + 1] * 2 ** 31, size: i32[at + 2], pattern: i32[at + 3] };
    Atomics.store(i32, HEAD, head + 1);
    return parcel;
  }
}
