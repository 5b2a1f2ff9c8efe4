// The command line of the stress program.

import { existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEATHS, type Death } from './deaths';
import { MOST_BYTES } from './ledger';

/** What goes wrong in a way that its message explains. */
export class UsageError extends Error {}

export interface Options {
  readonly help: boolean;
  readonly seed: number;
  readonly operations: number;
  readonly hours: number;
  readonly kills: number;
  readonly deaths: readonly Death[];
  readonly workers: { readonly least: number; readonly most: number };
  readonly stages: number;
  /** How many at once. */
  readonly pools: number;
  readonly dir: string;
  readonly backend: Backend;
  readonly bytes: number;
  readonly grow: boolean;
  readonly policy: Policy;
  readonly out: string | undefined;
}

const BACKENDS = ['auto', 'overlay', 'anonymous', 'mmap-io'] as const;
type Backend = (typeof BACKENDS)[number];
const POLICIES = ['default', 'conservative'] as const;
type Policy = (typeof POLICIES)[number];

const MIB = 2 ** 20;
const LEAST_MIB = 14;
const MOST_MIB = MOST_BYTES / MIB;
const MOST_THREADS = 16;
/** Ten cycles of all profiles and some more, so that a tenth of a run is a whole cycle. */
const STAGES = 80;

export const HELP = `npm run stress -- [options]

Workers allocate, write, keep, hand over, resize, verify and free the blocks of several pools, attach and leave, while pools
are made and deleted and, with --kills, threads die in the middle of whatever they do. At the end of each stage the books
are audited; at the end nothing may be left. Ends with code 1 if anything was wrong.

  --operations N   ends when so many calls of the pools were made; default 100000000, none with --hours or --kills
  --hours N        ends after so long at the earliest; may be a fraction
  --kills N        ends when so many threads were killed; default 0
  --deaths NAMES   how they are killed, half of them in the first way: ${DEATHS.join(',')}; default all.
                   timeout is one of node:vm, after which the thread lives on for a while
  --workers N-M    how many threads work at once, 1 to ${MOST_THREADS}; default 2-16, with --kills 2-4
  --stages N       parts of the run; default ${STAGES}
  --pools N        pools at once, of which all but the first are deleted under load and replaced; default 3
  --dir DIR        where pools are made; default: the directory for temporary files
  --backend NAME   of the first pool: ${BACKENDS.join(', ')}; default auto
  --size N         MiB of a pool, ${LEAST_MIB} to ${MOST_MIB}; default 64
  --grow           the first pool begins with ${LEAST_MIB} MiB and grows up to its size
  --policy NAME    of the first pool: ${POLICIES.join(', ')}; default default
  --seed N         of all decisions; default: a new one, which is printed. The same seed gives the same decisions of each
                   worker; in which order the threads come to act on them is the system's affair
  --out FILE       writes the result as JSON
  --help           this text
`;

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        help: { type: 'boolean', default: false },
        operations: { type: 'string' },
        hours: { type: 'string' },
        kills: { type: 'string' },
        deaths: { type: 'string', default: DEATHS.join(',') },
        workers: { type: 'string' },
        stages: { type: 'string', default: String(STAGES) },
        pools: { type: 'string', default: '3' },
        dir: { type: 'string', default: tmpdir() },
        backend: { type: 'string', default: 'auto' },
        size: { type: 'string', default: '64' },
        grow: { type: 'boolean', default: false },
        policy: { type: 'string', default: 'default' },
        seed: { type: 'string' },
        out: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0]);
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= least && number <= most) return number;
  throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not '${text}'`);
}

function oneOf<T extends string>(name: string, text: string, names: readonly T[]): T {
  const found = names.find((known) => known === text);
  if (found === undefined) throw new UsageError(`--${name} takes one of ${names.join(', ')}, not '${text}'`);
  return found;
}

function readWorkers(text: string): Options['workers'] {
  const [least = '', most = least, ...more] = text.split('-');
  const range = {
    least: wholeNumber('workers', least, 1, MOST_THREADS),
    most: wholeNumber('workers', most, 1, MOST_THREADS),
  };
  if (more.length > 0 || range.least > range.most)
    throw new UsageError(`--workers takes a number or two with a dash between them, not '${text}'`);
  return range;
}

function readHours(text: string): number {
  const hours = Number(text);
  if (text.trim() !== '' && hours > 0 && hours <= 1000) return hours;
  throw new UsageError(`--hours takes a number above 0 and up to 1000, not '${text}'`);
}

export function readOptions(words: readonly string[]): Options {
  const given = parse(words);
  const dir = resolve(given.dir);
  if (!existsSync(dir) || !statSync(dir).isDirectory()) throw new UsageError(`--dir: ${dir} is no directory`);
  const hasOtherEnd = given.hours !== undefined || given.kills !== undefined;
  const kills = wholeNumber('kills', given.kills ?? '0', 0, 1e6);
  return {
    help: given.help,
    seed: wholeNumber('seed', given.seed ?? String(Math.floor(Math.random() * 2 ** 31)), 0, 2 ** 31 - 1),
    operations: wholeNumber('operations', given.operations ?? (hasOtherEnd ? '0' : '100000000'), 0, 1e13),
    hours: given.hours === undefined ? 0 : readHours(given.hours),
    kills,
    deaths: given.deaths.split(',').map((name) => oneOf('deaths', name, DEATHS)),
    workers: readWorkers(given.workers ?? (kills > 0 ? '2-4' : '2-16')),
    stages: wholeNumber('stages', given.stages, 1, 100_000),
    pools: wholeNumber('pools', given.pools, 1, 8),
    dir,
    backend: oneOf('backend', given.backend, BACKENDS),
    bytes: wholeNumber('size', given.size, LEAST_MIB, MOST_MIB) * MIB,
    grow: given.grow,
    policy: oneOf('policy', given.policy, POLICIES),
    out: given.out === undefined ? undefined : resolve(given.out),
  };
}
