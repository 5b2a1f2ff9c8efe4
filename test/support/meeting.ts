// A meeting point of threads: nobody passes before all have come.

const COUNT = 0;
const ROUND = 1;

/** `words`: two words of shared memory for the meeting alone. */
export function meet(words: Int32Array, threads: number): void {
  const round = Atomics.load(words, ROUND);
  if (Atomics.add(words, COUNT, 1) === threads - 1) {
    Atomics.store(words, COUNT, 0);
    Atomics.add(words, ROUND, 1); // publishes what all did before; partner: the load below
    Atomics.notify(words, ROUND);
    return;
  }
  for (let spin = 0; spin < 2000; spin++) if (Atomics.load(words, ROUND) !== round) return;
  const patience = Date.now() + 60_000;
  while (Atomics.load(words, ROUND) === round) {
    if (Date.now() > patience) throw new Error('another thread does not come');
    Atomics.wait(words, ROUND, round, 100);
  }
}
