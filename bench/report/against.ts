// A run compared with an earlier one.

import Table from 'cli-table3';
import { geometricMean, timesAsGood, type Report, type Result } from './report';
import { numberText } from './tables';

export interface Comparison {
  readonly name: string;
  readonly subject: string;
  readonly before: number;
  readonly now: number;
  /** How many times as good this run is. */
  readonly ratio: number;
}

export function compareReports(before: Report, now: Report): Comparison[] {
  const key = ({ name, subject }: Result): string => `${subject}\t${name}`;
  const old = new Map(before.results.map((result) => [key(result), result]));
  return now.results.flatMap((result) => {
    const earlier = old.get(key(result));
    if (earlier === undefined) return [];
    const { name, subject, median, higherIsBetter } = result;
    const ratio = timesAsGood(median, earlier.median, higherIsBetter);
    return [{ name, subject, before: earlier.median, now: median, ratio }];
  });
}

/** What makes the two runs hard to compare. */
function differences(before: Report, now: Report): string[] {
  const fields = ['host', 'cpu', 'cores', 'system', 'node', 'fileSystem'] as const;
  const machine = fields
    .filter((field) => before.machine[field] !== now.machine[field])
    .map((field) => `${field} was '${before.machine[field]}', is '${now.machine[field]}'`);
  const [old, own] = [roundsOf(before), roundsOf(now)];
  return old === own ? machine : [...machine, `rounds were ${old}, are ${own}`];
}

const roundsOf = ({ options: { rounds, roundMs } }: Report): string => `${rounds} of ${roundMs} ms`;

export function againstText(before: Report, now: Report): string {
  const comparisons = compareReports(before, now);
  if (comparisons.length === 0) return '\nThe earlier run has no value in common with this one.\n';
  const table = new Table({
    head: ['', 'value', 'before', 'now', 'times as good'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'right', 'right'],
  });
  for (const { name, subject, before: old, now: value, ratio } of comparisons) {
    table.push([subject, name, numberText(old), numberText(value), `x${numberText(ratio)}`]);
  }
  const subjects = [...new Set(comparisons.map(({ subject }) => subject))];
  const means = subjects.map((subject) => {
    const ratios = comparisons.filter((each) => each.subject === subject).map(({ ratio }) => ratio);
    return `  ${subject} x${numberText(geometricMean(ratios))}`;
  });
  const all = geometricMean(comparisons.map(({ ratio }) => ratio));
  const notes = differences(before, now).map((difference) => `  not alike: ${difference}`);
  return [
    `\nAgainst the run of ${before.date}`,
    table.toString(),
    `geometric mean x${numberText(all)}; by subject (what the peers gain or lose is the machine):`,
    ...means,
    ...notes,
    '',
  ].join('\n');
}
