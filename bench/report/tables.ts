// Tables for the terminal: one a group, a line a subject, a column a value; below each value how many times as good the
// reference is.

import Table from 'cli-table3';
import { GROUPS } from '../workloads/rows';
import type { Peer, Result, Skipped } from './report';

const COLUMNS_AT_MOST = 10;

/** Three significant digits are more than a shared machine gives. */
export function numberText(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value >= 1 ? value.toFixed(2) : value.toFixed(3);
}

function pairText(median: number, best: number): string {
  return median === best ? numberText(median) : `${numberText(median)} (${numberText(best)})`;
}

function cellText({ median, best, mean, ratio, bestRatio }: Result, withMean: boolean): string {
  const values = `${pairText(median, best)}${withMean ? `\nmean ${numberText(mean)}` : ''}`;
  return ratio === undefined ? values : `${values}\nx${pairText(ratio, bestRatio ?? ratio)}`;
}

function tableOf(results: readonly Result[], subjects: readonly Peer[], names: readonly string[]): string {
  const heads = names.map((name) => {
    const { row, series, unit } = results.find((result) => result.name === name)!;
    return `${series === '' ? row : series}\n${unit}`;
  });
  const table = new Table({
    head: ['', ...heads],
    style: { head: [], border: [] },
    colAligns: ['left', ...names.map(() => 'right' as const)],
  });
  for (const { id, title, collected } of subjects) {
    const cells = names.map((name) => {
      const result = results.find((candidate) => candidate.name === name && candidate.subject === id);
      return result === undefined ? '-' : cellText(result, collected);
    });
    if (cells.some((cell) => cell !== '-')) table.push([title, ...cells]);
  }
  return table.toString();
}

/** The table, or tables where it would be too wide, of one group. */
export function groupText(group: string, results: readonly Result[], subjects: readonly Peer[]): string {
  const own = results.filter((result) => result.group === group);
  const names = [...new Set(own.map(({ name }) => name))];
  const tables: string[] = [];
  for (let i = 0; i < names.length; i += COLUMNS_AT_MOST) {
    tables.push(tableOf(own, subjects, names.slice(i, i + COLUMNS_AT_MOST)));
  }
  return `\n${GROUPS[group] ?? group}\n${tables.join('\n')}\n`;
}

export function legendText(reference: string | undefined): string {
  const ratios =
    reference === undefined
      ? ''
      : ` Below: how many times as good ${reference} is; above 1 it is the better one.`;
  return (
    `median (best); and the mean of what is collected, most of whose cost comes now and then.${ratios}\n` +
    'ns, us: less is better; Mops/s (million operations a second), of pool: more is better.'
  );
}

/** One line a reason. */
export function skippedText(skipped: readonly Skipped[]): string {
  const byReason = new Map<string, Set<string>>();
  for (const { subject, row, reason } of skipped) {
    const key = `${subject}: ${reason}`;
    const rows = byReason.get(key) ?? new Set();
    if (row !== undefined) rows.add(row);
    byReason.set(key, rows);
  }
  const lines = [...byReason].map(([reason, rows]) =>
    rows.size === 0 ? `  ${reason}` : `  ${reason} (${[...rows].join(', ')})`,
  );
  return lines.length === 0 ? '' : `\nSkipped\n${lines.join('\n')}\n`;
}
