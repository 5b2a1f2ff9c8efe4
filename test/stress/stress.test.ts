// The stress program in short: threads that allocate, keep, hand over, resize and free each other's blocks, while pools come
// and go. What must be true at every audit and at the end is in `audit.ts`.

import { VMEM_MIN_POOL, type Vmem } from '@vmem-ts/vmem-api';
import { MIB, describeEachKind } from '../support/pools';
import { seedFor } from '../support/random';
import { run, type Plan } from './run';

const HANG_MS = 30_000;

async function expectToPass(
  title: string,
  plan: Pick<Plan, 'operations' | 'sidePools' | 'makePool'>,
): Promise<void> {
  const { operations } = plan;
  const result = await run({
    milliseconds: 0,
    kills: 0,
    workers: { least: 2, most: 4 },
    stages: 8,
    hangMs: HANG_MS,
    ...plan,
    seed: seedFor(title),
  });
  expect(result.operations).toBeGreaterThanOrEqual(operations);
  expect(result.intervals).toHaveLength(8);
}

const OPERATIONS: Record<string, number> = {
  overlay: 800_000,
  anonymous: 300_000,
  region: 300_000,
  'mmap-io': 300_000,
};

describeEachKind('workers that come and go', ({ name, create }) => {
  it('find in every block what was written into it, and leave nothing behind', async () => {
    const size = name === 'mmap-io' ? VMEM_MIN_POOL : 2 * VMEM_MIN_POOL;
    const sidePools = name === 'overlay' ? 2 : 0;
    const makePool = (): Vmem => create(size);
    await expectToPass(`stress, ${name}`, { operations: OPERATIONS[name], sidePools, makePool });
  });
});

describeEachKind(
  'workers on a pool that grows',
  ({ name, create }) => {
    it.each(['default', 'conservative'] as const)('do so with the policy %s', async (policy) => {
      const makePool = (): Vmem => create(VMEM_MIN_POOL, { maxSize: 48 * MIB, policy });
      await expectToPass(`stress, ${name}, ${policy}`, { operations: 150_000, sidePools: 0, makePool });
    });
  },
  ['overlay', 'anonymous'],
);
