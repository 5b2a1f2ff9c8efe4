// Threads that free the same blocks at the same moment: one of them has done it, the others hear that it was done.

import { freeWithOthers, type FreeRace } from '../support/free-race';
import { MIB, describeEachKind, expectEmptyAndWhole } from '../support/pools';
import { meet } from '../support/meeting';
import { randomFrom, seedFor } from '../support/random';
import { nextMessage, startWorker } from '../support/worker';
import type { FreeRacerTask } from './workers/free-racer';

const COUNT = 500;
/** Of a hundred blocks these are of pages: those that threads cache, and those that they don't. */
const LARGE = new Map([
  [0, 20_000],
  [1, 150_000],
]);

describeEachKind('blocks that three threads free at once', ({ name, create }) => {
  it('are freed once each, whatever the thread that took them', async () => {
    const random = randomFrom(seedFor(`double frees, ${name}`));
    const pool = create(16 * MIB);
    const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(count * 4));
    const race: FreeRace = {
      threads: 3,
      rounds: 100,
      meeting: words(2),
      pointers: words(COUNT),
      arrivals: words(COUNT),
      wins: words(COUNT),
    };
    const task: FreeRacerTask = { handle: pool.handle, race };
    const workers = [1, 2].map(() => nextMessage<string[]>(startWorker('free-racer', task)));
    const failures: string[] = [];
    for (let round = 0; round < race.rounds; round++) {
      // few classes a round: new ones have slabs that no other thread has freed a block of
      const sizes = Array.from({ length: 4 }, () => 1 + random(random(2) === 0 ? 300 : 16_384));
      for (let i = 0; i < COUNT; i++) race.pointers[i] = pool.malloc(LARGE.get(i % 100) ?? sizes[i % 4]);
      race.arrivals.fill(0);
      race.wins.fill(0);
      meet(race.meeting, race.threads);
      failures.push(...freeWithOthers(pool, race));
      meet(race.meeting, race.threads);
      const wrong = race.wins.filter((count) => count !== 1);
      if (wrong.length > 0) failures.push(`round ${round}: blocks were freed ${wrong.join()} times`);
      if (pool.check() !== 1) failures.push(`round ${round}: the pool is damaged`);
    }
    failures.push(...(await Promise.all(workers)).flat());
    expect(failures.slice(0, 5)).toEqual([]);
    expectEmptyAndWhole(pool);
  });
});
