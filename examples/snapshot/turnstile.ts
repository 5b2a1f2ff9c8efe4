// Lets threads make their transfers, and keeps them out when somebody needs a moment at which none is under way.

const enum Word {
  isClosed,
  /** Threads in the middle of a transfer. */
  inside,
  isOver,
  words,
}

export class Turnstile {
  private constructor(private readonly state: Int32Array) {}

  static create(): Turnstile {
    return new Turnstile(new Int32Array(new SharedArrayBuffer(4 * Word.words)));
  }

  static of(buffer: SharedArrayBuffer): Turnstile {
    return new Turnstile(new Int32Array(buffer));
  }

  get buffer(): SharedArrayBuffer {
    return this.state.buffer as SharedArrayBuffer;
  }

  /** True when the threads are to end. */
  get isOver(): boolean {
    return Atomics.load(this.state, Word.isOver) === 1;
  }

  end(): void {
    Atomics.store(this.state, Word.isOver, 1);
  }

  /** Runs a transfer, as soon as that may be. */
  pass(transfer: () => void): void {
    const { state } = this;
    Atomics.add(state, Word.inside, 1);
    while (Atomics.load(state, Word.isClosed) === 1) {
      this.leave();
      Atomics.wait(state, Word.isClosed, 1);
      Atomics.add(state, Word.inside, 1);
    }
    try {
      transfer();
    } finally {
      this.leave();
    }
  }

  /** Runs `action` while no transfer is under way. */
  closed<T>(action: () => T): T {
    const { state } = this;
    Atomics.store(state, Word.isClosed, 1);
    for (let inside = 1; inside > 0;) {
      inside = Atomics.load(state, Word.inside);
      if (inside > 0) Atomics.wait(state, Word.inside, inside);
    }
    try {
      return action();
    } finally {
      Atomics.store(state, Word.isClosed, 0);
      Atomics.notify(state, Word.isClosed);
    }
  }

  private leave(): void {
    Atomics.sub(this.state, Word.inside, 1);
    Atomics.notify(this.state, Word.inside);
  }
}
