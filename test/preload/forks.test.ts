// VMMALLOC_FORK: what the processes see that a preloaded program forks.

import { resultOf } from './preloaded';

interface Told {
  readonly expected: number;
  readonly found: number;
  readonly check: number;
}

const GENERATIONS = 4;
const BLOCKS = 8;

function treeOf(mode: string): Told[] {
  const all = resultOf<Told[]>('fork-tree', [GENERATIONS], {
    VMMALLOC_FORK: mode,
    VMMALLOC_POOL_SIZE: String(2 ** 25),
  });
  expect(all).toHaveLength(GENERATIONS + 1);
  for (const told of all) {
    expect(told).toMatchObject({ isOwnPool: true, isWorkerWhole: true, isParentWhole: true, check: 1 });
  }
  return all;
}

describe('vmmalloc_fork', () => {
  it.each(['1', '2', '3'])('mode %s: each of four generations finds the blocks of the one before', (mode) => {
    const [first, ...others] = treeOf(mode);
    expect(first).toMatchObject({ expected: 0, found: 0, errno: 0 });
    for (const told of others) expect(told).toMatchObject({ expected: BLOCKS, found: BLOCKS, errno: 0 });
  });

  it('mode 0: a forked process begins with a pool of its own', () => {
    const [, ...others] = treeOf('0');
    for (const { found } of others) expect(found).toBe(0);
  });
});
