// A block is in the pool for as long as its buffer is in use, and no longer.

import { seedFor } from '../support/random';
import { resultOf } from './preloaded';

interface Lives {
  readonly start: number;
  readonly left: number;
  readonly check: number;
  readonly report: unknown;
}

/** How many times the pool's size one thread allocates. */
const TIMES = Number(process.env['VMEM_TEST_TIMES'] ?? 3);

/** Some that the runtime itself holds, in what it keeps for later. */
const OF_THE_RUNTIME = 4;

function expectNothingLeft({ start, left, check, report }: Lives): void {
  expect({ check, report: check === 1 ? undefined : report }).toEqual({ check: 1, report: undefined });
  expect(left).toBeLessThanOrEqual(start + OF_THE_RUNTIME);
}

const POOL_OF_32_MIB = {
  VMMALLOC_POOL_SIZE: String(2 ** 25),
  VMMALLOC_MIN_SIZE: '64',
  VMMALLOC_FALLBACK: '1',
};

describe('a buffer in the pool', () => {
  it.each([
    ['of a program that often comes to its event loop', 300],
    ['of one that seldom does', 2],
  ])('goes back when it is garbage, %s', (title, turns) => {
    const seed = seedFor(`garbage ${title}`);
    expectNothingLeft(resultOf('lifetimes', [seed, TIMES, 0, turns, 0], POOL_OF_32_MIB));
  });

  it('goes back when its worker has ended, or was terminated', () => {
    const seed = seedFor('buffers of workers');
    expectNothingLeft(resultOf('lifetimes', [seed, 1, 4, 100, 0], POOL_OF_32_MIB));
    expectNothingLeft(resultOf('lifetimes', [seed, 1, 4, 100, 1], POOL_OF_32_MIB));
  });
});

interface Fill {
  readonly made: number;
  readonly inPool: number;
  readonly error: string;
}

describe('a full pool', () => {
  type Fills = Record<'first' | 'second', Fill> & { left: number };

  it('is the error that V8 has for no memory, and works again when buffers are dropped', () => {
    const { first, left, second } = resultOf<Fills>('full-pool', [1000]);
    expect(first.error).toBe('RangeError: Array buffer allocation failed');
    expect(first.made).toBeGreaterThan(50);
    expect(first.inPool).toBe(first.made);
    expect(left).toBeLessThanOrEqual(OF_THE_RUNTIME);
    expect(second.made).toBeGreaterThan(first.made - 3);
  });

  it('is followed by ordinary memory if that is asked for', () => {
    const { first, second } = resultOf<Fills>('full-pool', [200], { VMMALLOC_FALLBACK: '1' });
    for (const { made, inPool, error } of [first, second]) {
      expect({ made, error }).toEqual({ made: 200, error: '' });
      expect(inPool).toBeGreaterThan(50);
    }
  });
});

describe('the pool of a program', () => {
  it.each(['1', '65536'])('can be called by it, with buffers from %s bytes on', (VMMALLOC_MIN_SIZE) => {
    const told = resultOf<Record<string, unknown>>('own-calls', [], { VMMALLOC_MIN_SIZE });
    const inPool = VMMALLOC_MIN_SIZE === '1' ? 300 : 0;
    expect(told).toEqual({
      inPool,
      count: 5000,
      isWalked: true,
      isThawed: true,
      isWhole: true,
      check: 1,
    });
  });
});
