// A program can't tell whether the preload is there.

import { seedFor } from '../support/random';
import { outputOf } from './preloaded';

const CALLS = Number(process.env['VMEM_TEST_ODD_CALLS'] ?? 400);

/** Ordinary memory where the pool is too small, as some of the sizes drawn are larger than any pool. */
const FALLS_BACK = { VMMALLOC_FALLBACK: '1' };

describe('the preload', () => {
  it.each([['16384'], ['1']])('changes nothing about odd calls, from %s bytes on', (VMMALLOC_MIN_SIZE) => {
    const seed = seedFor(`odd calls from ${VMMALLOC_MIN_SIZE} bytes on`) % 2 ** 30;
    const lines = (flags?: string[]): string[] =>
      outputOf('odd-calls', [seed, CALLS], { ...FALLS_BACK, VMMALLOC_MIN_SIZE }, flags).split('\n');
    const [expected, found] = [lines([]), lines()];
    expect(expected.length).toBeGreaterThan(CALLS);
    expect(found.filter((line, index) => line !== expected[index])).toEqual([]);
    expect(found).toHaveLength(expected.length);
  });

  it('changes no property, name or text of what it replaces', () => {
    const told = outputOf('properties', [], {}, []);
    expect(told.split('\n').length).toBeGreaterThan(200);
    expect(outputOf('properties')).toBe(told);
  });
});
