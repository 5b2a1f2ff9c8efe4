// One pool for all threads of the process, whoever is the first and without anything passed.

import { outputOf } from './program';

/** What each thread of the scenario says. */
const said = (scenario: string): string[] => outputOf('sharing', [scenario]).trimEnd().split('\n');

describe('the process’s pool', () => {
  it.each([
    ['main is first', 3],
    ['a worker is first, and the main thread is busy', 3],
    ['a worker is first, and ends before others come', 2],
    ['a worker is first, and is terminated', 2],
    ['a worker of a worker that does not know is first', 4],
    ['the main thread uses it while a worker starts, and is busy then', 2],
    ['all at once', 7],
    ['the main thread has loaded it twice', 3],
    ['a worker has an environment of its own', 2],
    ['only a worker and its own worker load it', 2],
  ])('is one: %s', (scenario, threads) => {
    const lines = said(scenario);
    expect(lines).toHaveLength(threads);
    expect(new Set(lines).size).toBe(1);
    expect(lines[0]).toMatch(/^\d+,\d+ seen by all errno 0$/);
  });

  it('is missed by nobody who does not use it', () => {
    const variables = { VMMALLOC_POOL_DIR: undefined, VMMALLOC_FORK: '4' };
    expect(outputOf('sharing', ['nobody uses it'], variables)).toBe('');
  });
});
