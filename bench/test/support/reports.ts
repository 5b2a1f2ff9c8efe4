// Reports with little in them.

import { SCHEMA, type Report, type Result } from '../../report/report';

export function resultWith(choices: Partial<Result>): Result {
  const median = choices.median ?? 10;
  return {
    name: 'pair',
    row: 'pair',
    series: '',
    group: 'core',
    subject: 'overlay',
    unit: 'ns',
    higherIsBetter: false,
    median,
    best: median,
    mean: median,
    rounds: [median],
    ...choices,
  };
}

export function reportWith(results: readonly Result[], node = 'v20.0.0'): Report {
  return {
    schema: SCHEMA,
    date: '2020-01-01T00:00:00.000Z',
    machine: {
      host: 'here',
      system: 'Linux',
      cpu: 'a processor',
      cores: 2,
      memoryGiB: 8,
      node,
      v8: '11',
      load: 0,
      fileSystem: 'ext4',
    },
    options: { quick: false, rounds: 1, roundMs: 1, seed: 1, dir: '/tmp', nodeFlags: [] },
    subjects: [...new Set(results.map(({ subject }) => subject))].map((id) => ({
      id,
      title: id,
      version: '1',
      family: 'ours',
      collected: id === 'Uint8Array',
    })),
    results,
    skipped: [],
  };
}
