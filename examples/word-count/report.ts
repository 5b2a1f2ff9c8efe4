// What the program prints in the end: tables for people, one JSON document for programs.

import type { CheckReport, HeapStats, PoolInfo } from '@vmem-ts/vmem-api';
import Table from 'cli-table3';
import { formatBytes } from './byte-size';
import type { Comparison } from './compare';
import type { Measurement } from './meter';

export interface Outcome {
  readonly files: number;
  readonly bytes: number;
  readonly words: number;
  readonly threads: number;
  readonly comparison: Comparison;
  readonly pool: Measurement;
  readonly maps: Measurement;
  readonly info: PoolInfo;
  /** While the table is in the pool. */
  readonly stats: HeapStats;
  readonly check: CheckReport;
  /** After the table has freed everything. */
  readonly blocksLeft: number;
}

/** Why the run is a failure; empty if it is none. */
export function findProblems({ comparison, check, blocksLeft }: Outcome): string[] {
  const { differing, differences } = comparison;
  const problems: string[] = [];
  if (differing > 0) {
    const shown = differences.map(({ word, pool, maps }) => `'${word}' ${pool} and ${maps}`).join(', ');
    problems.push(`the two ways disagree on ${differing} words (pool and maps): ${shown}`);
  }
  if (check.result !== 1) {
    const [first] = check.problems;
    problems.push(
      `the pool is inconsistent: ${first === undefined ? 'check() could not run' : first.message}`,
    );
  }
  if (blocksLeft > 0) problems.push(`${blocksLeft} blocks were not freed`);
  return problems;
}

export function jsonReport(outcome: Outcome): string {
  const { files, bytes, words, threads, comparison, pool, maps, info, stats, check, blocksLeft } = outcome;
  const problems = findProblems(outcome);
  const { distinctWords, top, differing, differences } = comparison;
  const way = (measured: Measurement): object => ({
    ...measured,
    wordsPerSecond: perSecond(words, measured),
  });
  return JSON.stringify(
    {
      ok: problems.length === 0,
      problems,
      node: process.version,
      threads,
      input: { files, bytes, words, distinctWords },
      top,
      ways: { pool: way(pool), maps: way(maps) },
      agreement: { agree: differing === 0, differing, differences },
      pool: { backend: info.backend, info, stats, check, blocksLeft },
    },
    null,
    2,
  );
}

export function jsonFailure(message: string): string {
  return JSON.stringify({ ok: false, problems: [message] }, null, 2);
}

export function textReport(outcome: Outcome): string {
  const { files, bytes, words, threads, comparison, pool, maps, info, stats, check, blocksLeft } = outcome;
  const { distinctWords, top } = comparison;
  const parts = [
    top.length === 0 ? '' : topTable(outcome),
    `${whole(words)} words, ${whole(distinctWords)} different ones, in ${whole(files)} files of ${formatBytes(bytes)}; ` +
      `${threads} worker threads`,
    table(
      ['', 'one table in the pool', 'a Map per worker, merged'],
      [
        ['time', seconds(pool), seconds(maps)],
        ['words/s', whole(perSecond(words, pool)), whole(perSecond(words, maps))],
        ['peak growth of rss', formatBytes(pool.peakResident), formatBytes(maps.peakResident)],
        ['heaps of the workers', formatBytes(pool.workerHeaps), formatBytes(maps.workerHeaps)],
        ['heap of the main thread', formatBytes(pool.mainHeap), formatBytes(maps.mainHeap)],
      ],
    ),
    table(
      ['pool', ''],
      [
        ['backend', info.backend],
        ['in', placeOf(info)],
        ['size', formatBytes(stats.size)],
        ['live', `${formatBytes(stats.live)} in ${whole(stats.liveBlocks)} blocks`],
        ['in thread caches', formatBytes(stats.cached)],
        ['free', `${formatBytes(stats.pagesFree)} in pages, ${formatBytes(stats.slabFree)} in slabs`],
        ['overhead', formatBytes(stats.overhead)],
        ['live after dispose', `${whole(blocksLeft)} blocks`],
        ['check()', `${check.result}, ${whole(check.blocks)} blocks of ${whole(check.slabs)} slabs`],
      ],
    ),
    findProblems(outcome).length > 0
      ? ''
      : 'Both ways agree on every word and every count, and the pool is consistent.',
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function placeOf({ kind, path, fileSystem, dax }: PoolInfo): string {
  if (kind === 'device') return `${path} (DAX)`;
  if (kind === 'file') return `${path} (${fileSystem}${dax === true ? ', DAX' : ''})`;
  return 'memory without a file';
}

function topTable({ comparison }: Outcome): string {
  return table(
    ['', 'word', 'count'],
    comparison.top.map(({ word, count }, i) => [String(i + 1), word, whole(count)]),
  );
}

/** The first column is to the left, the others to the right. */
function table(head: string[], rows: string[][]): string {
  const lines = new Table({
    head,
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  lines.push(...rows);
  return lines.toString();
}

const perSecond = (words: number, { milliseconds }: Measurement): number =>
  Math.round(words / (milliseconds / 1000));
const seconds = ({ milliseconds }: Measurement): string => `${(milliseconds / 1000).toFixed(2)} s`;
const whole = (value: number): string => value.toLocaleString('en-US');
