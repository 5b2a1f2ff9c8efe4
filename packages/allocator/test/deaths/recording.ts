// The memory of a heap before each write of one thread's operation, and after the last one: what the others find when
// the thread dies there.

import type { DeathNote } from '@vmem-ts/allocator';
import type { Recorder, Write } from '../support/mortal-thread';
import type { Holdings } from './hands';

/** What there is to know of one instant besides the memory. */
export interface Circumstances {
  /** What the thread has. */
  readonly holdings: Holdings;
  /** What is carried out if its death is noticed. */
  readonly notes: readonly DeathNote[];
  /** Pages that have storage. */
  readonly storage: Uint8Array | undefined;
  /** Others that died before. */
  readonly dead: readonly number[];
}

/** One instant at which the thread may die. */
export interface Moment extends Circumstances {
  /** Number of the write that does not happen any more. */
  readonly at: number;
  /** False if the moment before left the same behind. */
  readonly isNew: boolean;
  /** Makes the memory what it is then. */
  restore(): void;
}

interface Mark extends Circumstances {
  readonly writes: number;
}

export class Recording implements Recorder {
  private readonly start: Uint8Array;
  private readonly writes: Write[] = [];
  private readonly marks: Mark[] = [];

  constructor(
    private readonly memory: Uint8Array,
    private readonly circumstances: () => Circumstances,
  ) {
    this.start = memory.slice();
  }

  before(): void {
    this.marks.push({ writes: this.writes.length, ...this.circumstances() });
  }

  after(write: Write): void {
    this.writes.push(write);
  }

  end(): void {
    this.before();
  }

  /** Makes the memory what it was before the operation. */
  rewind(): void {
    this.memory.set(this.start);
  }

  /** Instants at which the thread can die, the one after the last write among them. */
  get length(): number {
    return this.marks.length;
  }

  /** Each moment. The memory is what `visit` makes of it. */
  visit(visit: (moment: Moment) => void): void {
    const image = this.start.slice();
    let written = 0;
    let last: Mark | undefined;
    for (const [at, mark] of this.marks.entries()) {
      let isNew = last === undefined || !isSame(mark, last);
      for (; written < mark.writes; written++) {
        if (change(image, this.writes[written])) isNew = true;
      }
      const restore = (): void => this.memory.set(image);
      visit({ ...mark, at, isNew, restore });
      last = mark;
    }
  }
}

function change(image: Uint8Array, { byteOffset, bytes }: Write): boolean {
  const place = image.subarray(byteOffset, byteOffset + bytes.length);
  if (Buffer.compare(place, bytes) === 0) return false;
  place.set(bytes);
  return true;
}

const isSame = (one: Mark, other: Mark): boolean =>
  one.notes.length === other.notes.length &&
  (one.storage === undefined || Buffer.compare(one.storage, other.storage!) === 0);
