// npm run bench:preload: what the preload costs.

import { readdirSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { median, ratioOf, runNode, runPairs, type Pool } from './pairs';
import { SIZES, WAYS } from './ways';

const HELP = `npm run bench:preload -- [options]

Runs programs in pairs, without the preload and with it, each first in turn, and prints the median over the pairs of how many
times the processor time (user and system, of all threads) the second took: 1.00 is as without the preload.

  --parts NAMES  ways, programs, memory; default all of them
  --pairs N      default 5
  --ms N         for each size of each way in each run; default 40
  --scale N      how much work the programs do; default 4
  --min-size N   VMMALLOC_MIN_SIZE for the ways; default 1: all sizes in the pool
  --pool DIR     where pools are made; default: the directory for temporary files
  --size N       MiB of a pool; default 512`;

const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: 'ways,programs,memory' },
    pairs: { type: 'string', default: '5' },
    ms: { type: 'string', default: '40' },
    scale: { type: 'string', default: '4' },
    'min-size': { type: 'string', default: '1' },
    pool: { type: 'string', default: tmpdir() },
    size: { type: 'string', default: '512' },
    help: { type: 'boolean', default: false },
  },
});

const COMPILED = __dirname;
const APPS = resolve(__dirname, '../../../test/programs/apps');
const KEPT = 128;

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const poolFrom = (minSize?: number): Pool => ({ dir: values.pool, mebibytes: Number(values.size), minSize });

async function compareWays(): Promise<void> {
  const run = async (pool?: Pool): Promise<number[][]> =>
    JSON.parse((await runNode([join(COMPILED, 'workload.js'), values.ms], pool)).stdout) as number[][];
  const pairs = await runPairs(Number(values.pairs), run, poolFrom(Number(values['min-size'])));
  print('\nA buffer, written to: times the processor time (nanoseconds without -> with)');
  print(['KiB'.padStart(5), ...WAYS.map(({ name }) => name.padStart(24)), 'all'.padStart(8)].join(''));
  SIZES.forEach((size, column) => {
    const cells = WAYS.map((_, row) => {
      const times = pairs.map(([without, under]) => [without[row][column], under[row][column]] as const);
      const [without, under] = [0, 1].map((side) => median(times.map((pair) => pair[side])));
      return { ratio: ratioOf(times), text: `(${without.toFixed(0)} -> ${under.toFixed(0)})` };
    });
    const texts = cells.map(({ ratio, text }) => `${ratio.toFixed(2)} ${text}`.padStart(24));
    const all = median(cells.map(({ ratio }) => ratio));
    print([String(size / 1024).padStart(5), ...texts, all.toFixed(2).padStart(8)].join(''));
  });
}

async function comparePrograms(): Promise<void> {
  print('\nA program: times the processor time (milliseconds without -> with)');
  const names = readdirSync(APPS)
    .filter((name) => !/^(digest|in-workers)\./.test(name))
    .sort();
  const programs = new Map(names.map((name) => [name.replace('.mjs', ''), [join(APPS, name), values.scale]]));
  for (const [name, program] of [['nothing', ['-e', '0']] as const, ...programs]) {
    const args = ['--require', join(COMPILED, 'at-exit.js'), ...program];
    const run = async (pool?: Pool): Promise<number> => {
      const { milliseconds } = JSON.parse((await runNode(args, pool)).report) as { milliseconds: number };
      return milliseconds;
    };
    const pairs = await runPairs(Number(values.pairs), run, poolFrom());
    const [without, under] = [0, 1].map((side) => median(pairs.map((pair) => pair[side])));
    const ratio = ratioOf(pairs).toFixed(2);
    print(`${name.padEnd(12)} ${ratio} (${without.toFixed(0)} -> ${under.toFixed(0)})`);
  }
}

async function compareMemory(): Promise<void> {
  print(`\n${KEPT} buffers of 1 MiB: MiB that are resident`);
  for (const [title, pool] of [
    ['without', undefined],
    ['with', poolFrom()],
  ] as const) {
    const { stdout } = await runNode([join(COMPILED, 'memory.js'), String(KEPT)], pool);
    const sums = JSON.parse(stdout) as { anonymous: number; pool: number };
    print(
      `${title.padEnd(8)} anonymous ${sums.anonymous.toFixed(0)}, in the pool's file ${sums.pool.toFixed(0)}`,
    );
  }
}

async function main(): Promise<void> {
  if (values.help) {
    print(HELP);
    return;
  }
  print(
    `Node.js ${process.versions.node}, ${availableParallelism()} processors, ${cpus()[0]?.model ?? 'unknown'}`,
  );
  const parts = values.parts.split(',');
  if (parts.includes('ways')) await compareWays();
  if (parts.includes('programs')) await comparePrograms();
  if (parts.includes('memory')) await compareMemory();
}

void main();
