// Sizes as C has them.

/** Of C's size_t, whose own greatest number JavaScript can't tell from this one: more than any memory has. */
export const SIZE_MAX = 2 ** 64;

/**
 * What C's conversion to size_t makes of a whole number, as far as it matters: a negative one, or one that JavaScript does
 * not have exactly, is more than any memory has. Anything else is left as it is, for the heap to refuse.
 */
export function sizeOf(value: number): number {
  if (typeof value !== 'number' || Number.isNaN(value) || (value >= 0 && value <= Number.MAX_SAFE_INTEGER))
    return value;
  return Number.isInteger(value) ? Number.MAX_SAFE_INTEGER : value;
}
