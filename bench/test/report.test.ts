// Ratios, tables and the comparison with an earlier run.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { againstText, compareReports } from '../report/against';
import { geometricMean, medianOf, readReport, timesAsGood } from '../report/report';
import { groupText, numberText, skippedText } from '../report/tables';
import { withRatios } from '../measure-row';
import { reportWith, resultWith } from './support/reports';

test('the middle of an odd and of an even count', () => {
  expect(medianOf([9, 1, 5])).toBe(5);
  expect(medianOf([9, 1, 5, 7])).toBe(6);
  expect(geometricMean([2, 8])).toBeCloseTo(4);
});

test('less time and more throughput are better', () => {
  expect(timesAsGood(5, 10, false)).toBe(2);
  expect(timesAsGood(10, 5, true)).toBe(2);
});

test('ratios say how many times as good the reference is, by median and by best', () => {
  const results = withRatios(
    [
      resultWith({ median: 10, best: 8 }),
      resultWith({ subject: 'glibc', median: 20, best: 4 }),
      resultWith({ subject: 'glibc', name: 'churn', median: 20 }),
    ],
    'overlay',
  );
  expect(results.map(({ ratio, bestRatio }) => [ratio, bestRatio])).toEqual([
    [undefined, undefined],
    [2, 0.5],
    [undefined, undefined],
  ]);
});

test('numbers have three digits', () => {
  expect([1234567, 123.4, 12.34, 1.234, 0.1234].map(numberText)).toEqual([
    '1,234,567',
    '123',
    '12.3',
    '1.23',
    '0.123',
  ]);
});

test('a table has a line a subject, with the mean of what is collected', () => {
  const { results, subjects } = reportWith([
    resultWith({ median: 10, best: 8 }),
    resultWith({ subject: 'Uint8Array', median: 20, mean: 99, ratio: 2, bestRatio: 2 }),
  ]);
  const text = groupText('core', results, subjects);
  expect(text).toMatch(/overlay.*10\.0 \(8\.00\)/);
  expect(text).toMatch(/Uint8Array.*20\.0/);
  expect(text).toMatch(/mean 99\.0/);
  expect(text).toMatch(/x2\.00/);
});

test('what was skipped for one reason is one line', () => {
  const text = skippedText([
    { subject: 'glibc', row: 'pool-64m', reason: 'no pools' },
    { subject: 'glibc', row: 'pool-1g', reason: 'no pools' },
    { subject: 'jemalloc', reason: 'not installed' },
  ]);
  expect(text).toContain('glibc: no pools (pool-64m, pool-1g)');
  expect(text).toContain('jemalloc: not installed\n');
});

describe('against an earlier run', () => {
  const before = reportWith([
    resultWith({ median: 10 }),
    resultWith({ name: 'larson-1', unit: 'Mops/s', higherIsBetter: true, median: 50 }),
    resultWith({ name: 'gone' }),
  ]);
  const now = reportWith(
    [
      resultWith({ median: 5 }),
      resultWith({ name: 'larson-1', unit: 'Mops/s', higherIsBetter: true, median: 25 }),
      resultWith({ name: 'new' }),
    ],
    'v26.0.0',
  );

  test('compares what both have', () => {
    expect(compareReports(before, now).map(({ name, ratio }) => [name, ratio])).toEqual([
      ['pair', 2],
      ['larson-1', 0.5],
    ]);
  });

  test('says the mean, and what is not alike', () => {
    const text = againstText(before, now);
    expect(text).toContain('geometric mean x1.00');
    expect(text).toContain("node was 'v20.0.0', is 'v26.0.0'");
    expect(text).not.toContain('cpu was');
    expect(text).not.toContain('rounds were');
  });

  test.each([
    [{ rounds: 5 }, 'not alike: rounds were 1 of 1 ms, are 5 of 1 ms'],
    [{ roundMs: 150 }, 'not alike: rounds were 1 of 1 ms, are 1 of 150 ms'],
  ])('says that the rounds were others: %j', (options, line) => {
    expect(againstText(before, { ...now, options: { ...now.options, ...options } })).toContain(line);
  });

  test('a run with nothing in common', () => {
    expect(againstText(reportWith([]), now)).toContain('no value in common');
  });

  test('a file is read back; others are refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-'));
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    try {
      expect(readReport(file('good.json', JSON.stringify(now)))).toEqual(now);
      expect(() => readReport(file('other.json', '{"schema":"else"}'))).toThrow(/not a report of this bench/);
      expect(() => readReport(file('text', 'x'))).toThrow(/cannot be read/);
      expect(() => readReport(join(folder, 'none'))).toThrow(/cannot be read/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
