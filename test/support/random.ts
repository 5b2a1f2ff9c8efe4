// Random numbers that can be had again: the seed is printed, and the environment variable VMEM_TEST_SEED replays it.

export type Random = (below: number) => number;

/** Whole numbers from 0 to `below` - 1; mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** A seed for the test of that title, which prints it. */
export function seedFor(title: string): number {
  const wanted = process.env['VMEM_TEST_SEED'];
  const seed = wanted === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(wanted);
  process.stdout.write(`${title}: VMEM_TEST_SEED=${seed}\n`);
  return seed;
}
