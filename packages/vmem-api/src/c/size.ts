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

const MOST_ALIGNED = 2 ** 52;

/** Powers of two that C's size_t has and the heap refuses: no memory is at a multiple of the largest one it takes, either. */
export function alignmentOf(alignment: number): number {
  if (typeof alignment !== 'number') return alignment;
  const isLarger =
    alignment > MOST_ALIGNED && alignment <= 2 ** 63 && 2 ** Math.log2(alignment) === alignment;
  return isLarger ? MOST_ALIGNED : alignment;
}
