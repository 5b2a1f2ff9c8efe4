import { below, next } from '../workloads/random';

/** What native/random.h computes with 64 bits. */
function inC(x: number, n: number): number {
  const state = BigInt(x >>> 0);
  return Number(n <= 0x10000 ? ((state >> 16n) * BigInt(n)) >> 16n : (state * BigInt(n)) >> 32n);
}

test.each([1, 6, 200, 10_000, 0xffff, 0x10000, 0x10001, 100_001, 1e6, 20_000_000, 2 ** 31 - 1])(
  'below %d are the same numbers as in C',
  (n) => {
    let x = 1;
    for (const edge of [0, 1, 0xffff, 0x10000, 0x7fffffff, -1, -0x80000000]) {
      expect(below(edge, n)).toBe(inC(edge, n));
    }
    for (let i = 0; i < 1000; i++) {
      x = next(x);
      expect(below(x, n)).toBe(inC(x, n));
    }
  },
);
