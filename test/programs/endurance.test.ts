// A program whose buffers are, over its run, a hundred times what the pool has room for leaves the pool as it was.
// VMEM_TEST_TURNOVERS: how many times.

import { resultOf } from '../preload/preloaded';
import { seedFor } from '../support/random';

const TURNOVERS = Number(process.env['VMEM_TEST_TURNOVERS'] ?? 100);
/** Some that the runtime itself holds, in what it keeps for later. */
const OF_THE_RUNTIME = 4;

const SMALLEST_POOL = {
  VMMALLOC_POOL_SIZE: String(14 * 2 ** 20),
  VMMALLOC_MIN_SIZE: '64',
  VMMALLOC_FALLBACK: '1',
};

interface Lives {
  readonly start: number;
  readonly left: number;
  readonly check: number;
  readonly report: unknown;
}

jest.setTimeout(600_000);

test.each([
  ['coming to its event loop at every third buffer', TURNOVERS, 0, 300],
  ['seldom coming to its event loop', TURNOVERS, 0, 2],
  ['in the main thread and in four workers', TURNOVERS / 5, 4, 100],
])(
  `a program that fills the pool ${TURNOVERS} times over, %s, leaves nothing there`,
  (title, times, workers, turns) => {
    const seed = seedFor(`endurance, ${title}`);
    const lives = resultOf<Lives>('lifetimes', [seed, times, workers, turns, 0], SMALLEST_POOL);
    expect(lives).toMatchObject({ check: 1 });
    expect(lives.left).toBeLessThanOrEqual(lives.start + OF_THE_RUNTIME);
  },
);
