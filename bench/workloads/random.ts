// The same numbers as native/random.h: a 32-bit linear congruential generator, used from its upper bits.
// States are 32-bit integers with sign, which V8 keeps in registers.

const TO_FRACTION = 2 ** -32;

export function next(x: number): number {
  return (Math.imul(x, 1664525) + 1013904223) | 0;
}

/** 0 to n - 1; exact for n up to 2^21. One conversion to an integer; Math.floor takes several steps and looks for -0. */
export function below(x: number, n: number): number {
  return ((x >>> 0) * n * TO_FRACTION) | 0;
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
