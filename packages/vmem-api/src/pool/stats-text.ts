// Statistics as text, in the sections of jemalloc(3): each can be left out by its letter.

import type { ClassStats, HeapStats } from '@vmem-ts/allocator';

export interface PoolDescription {
  readonly backend: string;
  readonly stats: HeapStats;
}

/**
 * @param omit letters of the parts to leave out: `g` general information, `m` totals, `a` threads, `b` size classes,
 *   `l` large blocks; others are ignored
 */
export function statsText({ backend, stats }: PoolDescription, omit: string): string {
  const parts = [
    omit.includes('g') ? [] : general(backend, stats),
    omit.includes('m') ? [] : totals(stats),
    omit.includes('a') ? [] : threads(stats),
    omit.includes('b') ? [] : classes(stats.classes),
    omit.includes('l') ? [] : [`large: ${stats.large.blocks} blocks, ${stats.large.bytes} bytes`],
  ];
  const lines = ['___ Begin vmem statistics ___', ...parts.flat(), '--- End vmem statistics ---'];
  return `${lines.join('\n')}\n`;
}

const general = (backend: string, { size, backed, classes: all }: HeapStats): string[] => [
  `backend: ${backend}, pool size: ${size}, with storage: ${backed}, size classes: ${all.length} from ${all[0].size} to ${all.at(-1)!.size}`,
];

const totals = (stats: HeapStats): string[] => [
  `allocated: ${stats.live} in ${stats.liveBlocks} blocks, cached: ${stats.cached}, free in slabs: ${stats.slabFree}, ` +
    `free pages: ${stats.pagesFree}, overhead: ${stats.overhead}`,
];

function threads({ threads: attached, perThread }: HeapStats): string[] {
  const header = ['slot', 'blocks', 'bytes', 'runs', 'run bytes', 'stacks'];
  const rows = perThread.map((t) => [
    ...[t.slot, t.blocks, t.blockBytes, t.runs, t.runBytes, t.stackBytes].map(String),
    t.isAlive ? '' : '  died',
  ]);
  return [`threads: ${attached}`, ...table([header, ...rows])];
}

function classes(all: readonly ClassStats[]): string[] {
  const header = ['size', 'slabs', 'bytes', 'live', 'cached', 'free', 'refills', 'flushes'];
  const rows = all
    .filter((c) => c.slabsMade > 0)
    .map((c) => [c.size, c.slabs, c.bytes, c.live, c.cached, c.free, c.refills, c.flushes].map(String));
  return ['bins:', ...table([header, ...rows])];
}

const WIDTH = 12;
const table = (rows: readonly string[][]): string[] =>
  rows.map((row) =>
    row
      .map((cell) => cell.padStart(WIDTH))
      .join('')
      .trimEnd(),
  );
