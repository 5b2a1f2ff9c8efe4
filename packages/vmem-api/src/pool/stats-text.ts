// Statistics as text or as JSON, in the sections of jemalloc(3) and with its letters and names. There are no arenas here:
// what jemalloc tells of one is told of a thread's cache, and the bins are those of all threads.

import type { ClassStats, HeapStats, ThreadStats } from '@vmem-ts/allocator';
import { PAGE_SIZE } from './limits';

export interface PoolDescription {
  readonly backend: string;
  readonly stats: HeapStats;
}

type Has = (letter: 'g' | 'm' | 'a' | 'b' | 'l') => boolean;

/**
 * @param opts letters of the parts to leave out: `g` general information, `m` what is merged of all threads, `a` threads,
 *   `b` size classes, `l` large blocks; `J` asks for JSON. Others are ignored. Totals are always there
 */
export function statsText(pool: PoolDescription, opts: string): string {
  const has: Has = (letter) => !opts.includes(letter);
  return opts.includes('J') ? `${JSON.stringify(figures(pool, has), undefined, '\t')}\n` : text(pool, has);
}

function text({ backend, stats }: PoolDescription, has: Has): string {
  const sections = [
    [...(has('g') ? general(backend, stats) : []), totalLine(stats)],
    has('m') ? merged(stats) : [],
    has('a') ? arenas(stats.perThread) : [],
    has('b') ? bins(stats.classes) : [],
    has('l') ? large(stats) : [],
  ];
  const parts = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return `___ Begin vmem statistics ___\n${parts.join('\n\n')}\n--- End vmem statistics ---\n`;
}

const general = (backend: string, { size, classes }: HeapStats): string[] => [
  `Backend: ${backend}`,
  `Pool size: ${size}`,
  `Page size: ${PAGE_SIZE}`,
  `Size classes: ${classes.length} from ${classes[0].size} to ${classes.at(-1)!.size}`,
];

function totalLine(stats: HeapStats): string {
  const { allocated, active, metadata, mapped, retained } = totals(stats);
  return `Allocated: ${allocated}, active: ${active}, metadata: ${metadata}, mapped: ${mapped}, retained: ${retained}`;
}

function merged(stats: HeapStats): string[] {
  const { small, large, total } = byKind(stats);
  const row = (title: string, kind: KindStats): string =>
    line(title, [kind.allocated, kind.blocks, kind.cached, kind.free]);
  return [
    'Merged arenas stats:',
    `assigned threads: ${stats.threads}`,
    line('', ['allocated', 'blocks', 'cached', 'free']),
    row('small:', small),
    row('large:', large),
    row('total:', total),
    `free pages: ${stats.pagesFree / PAGE_SIZE}`,
    `overhead: ${stats.overhead}`,
  ];
}

const arenas = (threads: readonly ThreadStats[]): string[] => [
  line('arenas:', ['blocks', 'bytes', 'runs', 'run bytes', 'stacks']),
  ...threads.map((thread) => {
    const { slot, blocks, blockBytes, runs, runBytes, stackBytes, isAlive } = thread;
    const row = line(`arenas[${slot}]:`, [blocks, blockBytes, runs, runBytes, stackBytes]);
    return isAlive ? row : `${row}  died`;
  }),
];

const bins = (classes: readonly ClassStats[]): string[] => [
  line('bins:', ['size', 'slabs', 'bytes', 'live', 'cached', 'free', 'refills', 'flushes']),
  ...classes
    .filter(wasUsed)
    .map((c) => line('', [c.size, c.slabs, c.bytes, c.live, c.cached, c.free, c.refills, c.flushes])),
];

const large = ({ large: { blocks, bytes } }: HeapStats): string[] => [
  line('large:', ['blocks', 'bytes']),
  line('', [blocks, bytes]),
];

const TITLE = 12;
const COLUMN = 13;
const line = (title: string, cells: readonly (string | number)[]): string =>
  title.padEnd(TITLE) + cells.map((cell) => String(cell).padStart(COLUMN)).join('');

const wasUsed = ({ slabsMade }: ClassStats): boolean => slabsMade > 0;

/** In jemalloc's words. `mapped` = `active` + `metadata` + free pages. */
interface Totals {
  readonly allocated: number;
  /** Bytes of pages that hold blocks, live and cached ones and those that wait in slabs. */
  readonly active: number;
  /** Of the pages that hold the heap's own data. */
  readonly metadata: number;
  readonly mapped: number;
  /** Addresses without storage. */
  readonly retained: number;
}

function totals({ live, size, backed, pagesFree, classes, perThread, large }: HeapStats): Totals {
  const runBytes = sum(perThread, (thread) => thread.runBytes);
  const active = sum(classes, (c) => c.bytes) + large.bytes + runBytes;
  return {
    allocated: live,
    active,
    metadata: backed - active - pagesFree,
    mapped: backed,
    retained: size - backed,
  };
}

interface KindStats {
  /** Bytes in callers' hands, and how many blocks they are. */
  readonly allocated: number;
  readonly blocks: number;
  /** Bytes that wait in caches, and in slabs. */
  readonly cached: number;
  readonly free: number;
}

function byKind(stats: HeapStats): Readonly<Record<'small' | 'large' | 'total', KindStats>> {
  const { classes, large, live, liveBlocks, cached, slabFree: free } = stats;
  const small: KindStats = {
    allocated: sum(classes, (c) => c.live * c.size),
    blocks: sum(classes, (c) => c.live),
    cached: sum(classes, (c) => c.cached * c.size),
    free,
  };
  return {
    small,
    large: { allocated: large.bytes, blocks: large.blocks, cached: cached - small.cached, free: 0 },
    total: { allocated: live, blocks: liveBlocks, cached, free },
  };
}

function figures({ backend, stats }: PoolDescription, has: Has): object {
  const { size, threads, perThread, classes, large, pagesFree, overhead } = stats;
  const merged = { nthreads: threads, ...byKind(stats), free_pages: pagesFree / PAGE_SIZE, overhead };
  const general = { backend, size, page: PAGE_SIZE, nbins: classes.length, bin: classes.map(sizeOfBin) };
  return {
    vmem: {
      ...(has('g') && { general }),
      stats: totals(stats),
      'stats.arenas': {
        ...(has('m') && { merged }),
        ...(has('a') && Object.fromEntries(perThread.map(arenaFigures))),
      },
      ...(has('b') && { bins: classes.filter(wasUsed).map(binFigures) }),
      ...(has('l') && { large: { allocated: large.bytes, curlextents: large.blocks } }),
    },
  };
}

const sizeOfBin = ({ size }: ClassStats): object => ({ size });

const binFigures = ({
  size,
  live: curregs,
  cached,
  free,
  refills: nfills,
  flushes: nflushes,
  slabs: curslabs,
  slabsMade: nslabs,
  bytes: slab_bytes,
}: ClassStats): object => ({
  size,
  curregs,
  cached,
  free,
  nfills,
  nflushes,
  nslabs,
  curslabs,
  slab_bytes,
});

const arenaFigures = ({
  slot,
  blocks,
  blockBytes,
  runs,
  runBytes,
  stackBytes,
  isAlive,
}: ThreadStats): [string, object] => [
  String(slot),
  {
    alive: isAlive,
    blocks,
    block_bytes: blockBytes,
    runs,
    run_bytes: runBytes,
    stack_bytes: stackBytes,
  },
];

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0);
}
