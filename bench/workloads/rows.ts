// All that can be measured: a row is one workload with its parameters. bench/README.md says what each is to show.

import { DEFAULT_PARAMS, type Params } from './job';
import { CAPACITY_SIZES, FRAGMENTATION_PHASES } from './measures';

/** micro: timed by the operation in one thread; threads: wall time of all; measure: measured as a whole. */
export type Kind = 'micro' | 'threads' | 'measure';
export type Unit = 'ns' | 'us' | 'Mops/s' | 'of pool';

export interface Row {
  readonly id: string;
  readonly group: string;
  /** The name of a job, or of a measure. */
  readonly job: string;
  readonly kind: Kind;
  readonly params: Params;
  readonly unit: Unit;
  /** Names of the values that a run gives; one without a name in most rows. */
  readonly series: readonly string[];
  /** Also with --quick. */
  readonly quick: boolean;
  /** Before the first round, at least: until V8 has compiled the loop, and most of the memory was touched once. */
  readonly warmMs: number;
  /** Gives the same value each time, or takes long and does its own warming and repeating. */
  readonly once: boolean;
  /** Only for subjects whose memory is a pool of a fixed size. */
  readonly pools: boolean;
  /** Where it is drawn: the number on the x axis of its group. */
  readonly x?: number;
}

export const GROUPS: Readonly<Record<string, string>> = {
  core: 'Core workloads',
  suite: 'Workloads in the spirit of mimalloc-bench',
  capacity: 'Capacity: the part of a 64 MiB pool that requests of one size can fill',
  fragmentation: 'Fragmentation: the part of a full 256 MiB pool in live blocks while the sizes shift',
  'pool-size': 'Churn of 100,000 blocks by size of the pool',
  live: 'Churn by number of live blocks',
  threads: 'Threads: larson',
  'free-extents': 'Replacing large blocks beside many free extents',
  classes: 'Churn of 1,000 blocks by the size classes in use',
  'first-use': 'A fresh thread: attaching, its first 1,000 operations, the same when it is warm',
  crowd: 'Attaching, and a malloc in vain: alone, and beside 31 threads that are attached and idle',
};

const MIB = 2 ** 20;
const GIB = 2 ** 30;

type Choices = Partial<Omit<Row, 'params'>> & { readonly id: string; readonly params?: Partial<Params> };

function row(choices: Choices): Row {
  return {
    group: 'core',
    job: choices.id,
    kind: 'micro',
    unit: 'ns',
    series: [''],
    quick: true,
    once: false,
    warmMs: 40,
    pools: false,
    ...choices,
    params: { ...DEFAULT_PARAMS, ...choices.params },
  };
}

const larson = (threads: number, choices: Partial<Omit<Row, 'params'>>): Row =>
  row({
    id: `larson-${threads}`,
    job: 'churn',
    kind: 'threads',
    unit: 'Mops/s',
    params: { threads, slots: 1000 },
    ...choices,
  });

const CORE: readonly Row[] = [
  row({ id: 'pair', params: { size: 64 } }),
  row({ id: 'batch', params: { size: 64, slots: 1000 } }),
  row({ id: 'many', params: { size: 64, slots: 1000 } }),
  row({ id: 'churn', params: { slots: 10_000 } }),
  row({
    id: 'big',
    job: 'churn',
    params: { slots: 500, low: 20_000, span: 100_001, poolBytes: 128 * MIB },
    warmMs: 250,
  }),
  larson(1, {}),
  larson(2, {}),
  row({ id: '1p1c', job: 'ring', kind: 'threads', unit: 'Mops/s', params: { threads: 2 } }),
  row({ id: 'create-delete', job: 'pool', kind: 'measure', unit: 'us', pools: true }),
];

const suite = (id: string, params: Partial<Params>, choices: Partial<Omit<Row, 'params'>> = {}): Row =>
  row({ id, group: 'suite', kind: 'threads', unit: 'Mops/s', params, ...choices });

const SUITE: readonly Row[] = [
  suite('alloc-test', { threads: 1, slots: 10_000, low: 8, doublings: 10 }),
  suite('sh6bench', { threads: 1, slots: 500 }),
  suite('sh8bench', { threads: 2, slots: 500 }, { quick: false }),
  suite('xmalloc-test', { threads: 2, batch: 64 }, { job: 'ring' }),
  suite('mstress', { threads: 2, slots: 1000 }),
  suite('rptest', { threads: 2, slots: 1000, low: 16, span: 7985 }),
  suite('cache-scratch', { threads: 2, size: 8 }, { quick: false }),
  suite('cache-thrash', { threads: 2, size: 8 }),
  suite('glibc-thread', { threads: 2, slots: 1024, low: 4, doublings: 13 }, { job: 'churn', quick: false }),
  suite(
    'malloc-large',
    { slots: 20, low: 5 * 1024, span: 20 * 1024, unit: 1024, poolBytes: GIB },
    { job: 'churn', kind: 'micro', unit: 'ns', quick: false, warmMs: 250 },
  ),
];

const SPACE: readonly Row[] = [
  row({
    id: 'capacity',
    group: 'capacity',
    kind: 'measure',
    unit: 'of pool',
    series: CAPACITY_SIZES.map((size) => (size === 0 ? 'mix' : `${size}`)),
    once: true,
    pools: true,
  }),
  row({
    id: 'fragmentation',
    group: 'fragmentation',
    kind: 'measure',
    unit: 'of pool',
    series: FRAGMENTATION_PHASES,
    quick: false,
    once: true,
    pools: true,
    params: { poolBytes: 256 * MIB },
  }),
];

const POOL_SIZES: readonly Row[] = [64 * MIB, 256 * MIB, GIB, 3 * GIB, 16 * GIB].map((poolBytes) =>
  row({
    id: `pool-${poolBytes < GIB ? `${poolBytes / MIB}m` : `${poolBytes / GIB}g`}`,
    group: 'pool-size',
    job: 'churn',
    params: { slots: 100_000, poolBytes },
    quick: false,
    warmMs: 250,
    pools: true,
    x: poolBytes / MIB,
  }),
);

const LIVE: readonly Row[] = [1e3, 1e4, 1e5, 1e6].map((slots) =>
  row({
    id: `live-1e${Math.log10(slots)}`,
    group: 'live',
    job: 'churn',
    params: { slots, poolBytes: Math.max(64 * MIB, slots * 512) },
    quick: slots === 1e3 || slots === 1e5,
    warmMs: slots < 1e5 ? 40 : 250,
    x: slots,
  }),
);

const THREADS: readonly Row[] = [1, 2, 4, 8, 16, 32].map((threads) =>
  larson(threads, { id: `threads-${threads}`, group: 'threads', quick: threads === 4, x: threads }),
);

/** The smallest, of five pages; a hole and the block behind it take 13.5 pages on average, in C up to 16. */
const HOLE_BYTES = 17_000;
const BYTES_A_HOLE = 16 * 4096;

/** 100,000 need more than the 4 GiB that Node 20 can share. */
const FREE_EXTENTS: readonly Row[] = [1e2, 1e3, 1e4, 5e4, 1e5].map((holes) =>
  row({
    id: `free-extents-${holes}`,
    group: 'free-extents',
    job: 'free-extents',
    params: {
      holes,
      size: HOLE_BYTES,
      slots: 100,
      low: 20_500,
      span: 40_000,
      poolBytes: 64 * MIB + holes * BYTES_A_HOLE,
    },
    quick: holes === 1e2 || holes === 1e4,
    pools: true,
    x: holes,
  }),
);

/** How many of this project's size classes are in use: the last row has them all, 8 bytes to 16 KiB. */
const CLASSES: readonly Row[] = [
  { classes: 1, low: 64, span: 1 },
  { classes: 9, low: 64, doublings: 1 },
  { classes: 25, low: 64, doublings: 3 },
  { classes: 39, low: 16, doublings: 6 },
  { classes: 72, low: 8, doublings: 11 },
].map(({ classes, ...sizes }) =>
  row({
    id: `classes-${classes}`,
    group: 'classes',
    job: 'churn',
    params: { slots: 1000, ...sizes },
    quick: false,
    x: classes,
  }),
);

const FIRST_USE: readonly Row[] = [
  row({
    id: 'first-use',
    group: 'first-use',
    kind: 'measure',
    unit: 'us',
    series: ['attach', 'first-1000', 'warm-1000'],
  }),
];

const CROWD: readonly Row[] = [
  row({
    id: 'crowd',
    group: 'crowd',
    kind: 'measure',
    unit: 'us',
    series: ['attach', 'attach-beside-31', 'in-vain', 'in-vain-beside-31'],
    params: { threads: 32, poolBytes: GIB },
    quick: false,
    once: true,
    pools: true,
  }),
];

export const ROWS: readonly Row[] = [
  ...CORE,
  ...SUITE,
  ...SPACE,
  ...POOL_SIZES,
  ...LIVE,
  ...THREADS,
  ...FREE_EXTENTS,
  ...CLASSES,
  ...FIRST_USE,
  ...CROWD,
];

/** What a value is called in tables: the row, and the series if there are several. */
export function valueName(id: string, series: string): string {
  return series === '' ? id : `${id} ${series}`;
}

export const higherIsBetter = (unit: Unit): boolean => unit === 'Mops/s' || unit === 'of pool';

/** From what a cell measures: nanoseconds an operation, or a part. */
export function inUnit(value: number, unit: Unit): number {
  if (unit === 'us') return value / 1000;
  if (unit === 'Mops/s') return 1000 / value;
  return value;
}
