// Threads that end at random instants, in every way in which a thread can end, while others work: `npm run stress -- --kills N`
// in short.

import { VMEM_MIN_POOL } from '@vmem-ts/vmem-api';
import { describeEachKind } from '../support/pools';
import { seedFor } from '../support/random';
import { MOST_VICTIMS, run } from '../stress/run';
import { DEATHS } from '../stress/deaths';

const KILLS: Record<string, number> = { overlay: 40, anonymous: 10, region: 10, 'mmap-io': 10 };
const WORKERS = 2;
/** Waiters look after their lock's owner every 8 ms. A machine that is busy with something else may take seconds. */
const MOST_MS = 10_000;

describeEachKind('threads that are killed in the middle of malloc and free', ({ name, create }) => {
  it('hold nobody up, damage nothing, and all that they had comes back', async () => {
    const kills = KILLS[name];
    const grows = name === 'overlay';
    const result = await run({
      seed: seedFor(`kills, ${name}`),
      kills,
      operations: 0,
      milliseconds: 0,
      workers: { least: WORKERS, most: WORKERS },
      stages: 4,
      sidePools: grows ? 1 : 0,
      // a slot for each, so far more threads than slots have been there in the end
      makePool: (n) =>
        create(VMEM_MIN_POOL, {
          threads: WORKERS + MOST_VICTIMS + 1,
          ...(grows && n % 2 === 1 && { maxSize: 2 * VMEM_MIN_POOL, policy: 'conservative' }),
        }),
      hangMs: 30_000,
    });
    const died = Object.values(result.deaths).reduce((a, b) => a + b);
    expect(died).toBe(kills);
    for (const death of DEATHS) if (death !== 'memory') expect(result.deaths[death]).toBeGreaterThan(0);
    expect(result.stalls.workers.longest.ms).toBeLessThan(MOST_MS);
  });
});
