// The command line.

import { BenchError } from '../failure';
import { readOptions } from '../options';
import { select } from '../selection';

describe('options', () => {
  test('without any, all is measured at length', () => {
    expect(readOptions([])).toMatchObject({
      only: undefined,
      quick: false,
      rounds: 5,
      control: true,
      seed: 1,
    });
  });

  test('--quick and --smoke shorten what is not given', () => {
    const { rounds, roundMs } = readOptions([]);
    const quick = readOptions(['--quick']);
    expect(quick.rounds).toBeLessThan(rounds);
    expect(quick.roundMs).toBeLessThan(roundMs);
    expect(readOptions(['--smoke'])).toMatchObject({ quick: true, smoke: true, rounds: 1, roundMs: 1 });
    expect(readOptions(['--quick', '--rounds', '7'])).toMatchObject({ rounds: 7, roundMs: quick.roundMs });
  });

  test.each([[['--node-flags', '--cpu-prof  --jitless']], [['--node-flags=--cpu-prof --jitless']]])(
    'flags for Node: %j',
    (words) => expect(readOptions(words).nodeFlags).toEqual(['--cpu-prof', '--jitless']),
  );

  test.each([
    [['--rounds', '0'], /--rounds takes a whole number/],
    [['--rounds', '1.5'], /--rounds takes a whole number/],
    [['--round-ms', 'x'], /--round-ms takes a whole number/],
    [['--seed', '-1'], /--seed/],
    [['--dir', '/no/such/folder'], /--dir: .* is no directory/],
    [['--fast'], /--fast/],
    [['pair'], /pair/],
  ])('%j is refused', (words, message) => {
    expect(() => readOptions(words)).toThrow(message);
    expect(() => readOptions(words)).toThrow(BenchError);
  });
});

describe('selection', () => {
  const named = (id: string, ...groups: string[]) => ({ id, groups });
  const ALL = [
    named('pair', 'core'),
    named('larson-1', 'core'),
    named('larson-2', 'core'),
    named('live', 'x'),
  ];
  const ids = (names?: string): string[] => select('only', names, ALL).map(({ id }) => id);

  test.each([
    [undefined, ['pair', 'larson-1', 'larson-2', 'live']],
    ['pair', ['pair']],
    ['live, pair', ['pair', 'live']],
    ['core', ['pair', 'larson-1', 'larson-2']],
    ['larson-*', ['larson-1', 'larson-2']],
    ['*', ['pair', 'larson-1', 'larson-2', 'live']],
    ['x,x', ['live']],
  ])('%j', (names, expected) => expect(ids(names)).toEqual(expected));

  test.each(['larson', 'pai', 'pair,nope', '', 'p.ir', '*x'])('%j names nothing', (names) => {
    expect(() => ids(names)).toThrow(/--only: there is no/);
  });
});
