// The same numbers as native/random.h: a 32-bit linear congruential generator, used from its upper bits.
// States are 32-bit integers with sign. A loop begins with `state | 0`: V8 then keeps them in registers, and does not take
// each to a fraction and back.

export function next(x: number): number {
  return (Math.imul(x, 1664525) + 1013904223) | 0;
}

/** 0 to n - 1. In whole numbers throughout: with one fraction, V8 computes all that follows from it in fractions. */
export function below(x: number, n: number): number {
  return n <= 0x10000 ? Math.imul(x >>> 16, n) >>> 16 : upperHalf(x, n);
}

/** The upper 32 bits of the product of 64; below 2^31. */
function upperHalf(x: number, n: number): number {
  const x1 = x >>> 16;
  const x0 = x & 0xffff;
  const n1 = n >>> 16;
  const n0 = n & 0xffff;
  const high = Math.imul(x1, n0);
  const low = Math.imul(x0, n1);
  const carry = ((high & 0xffff) + (low & 0xffff) + (Math.imul(x0, n0) >>> 16)) >>> 16;
  return (Math.imul(x1, n1) + (high >>> 16) + (low >>> 16) + carry) | 0;
}

/** Log-uniform in steps: a random one of `doublings` doublings from `lowest`, a power of two, and uniform within it. */
export function logUniform(x: number, lowest: number, doublings: number): number {
  const base = lowest << below(x, doublings);
  return base + ((x >>> 8) & (base - 1));
}

/** 16 to 1023. */
export function smallSize(x: number): number {
  return logUniform(x, 16, 6);
}

export function seedOf(seed: number, thread: number): number {
  return next((seed + Math.imul(thread, 2654435761)) | 0);
}
