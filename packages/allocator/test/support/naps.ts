// Time that does not pass: who sleeps is told at once that it is over, and how long it was is added up. Whoever is waited
// for is dead here, so nothing would come of it.

/** Milliseconds that were slept through, or would have been. */
export class Naps {
  total = 0;

  /** Runs `action` without sleeping. */
  during<T>(action: () => T): T {
    const { wait } = Atomics;
    const { now } = performance;
    let time = now.call(performance);
    Atomics.wait = (_words: unknown, _index: number, _value: unknown, milliseconds = Infinity) => {
      this.total += milliseconds;
      return 'timed-out';
    };
    performance.now = () => time++; // spinning takes none either
    try {
      return action();
    } finally {
      Atomics.wait = wait;
      performance.now = now;
    }
  }

  /** How long `action` sleeps. */
  of(action: () => void): number {
    const before = this.total;
    action();
    return this.total - before;
  }
}
