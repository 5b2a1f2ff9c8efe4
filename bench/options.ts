// The command line.

import { existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchError, messageOf } from './failure';

export interface Options {
  readonly help: boolean;
  readonly list: boolean;
  readonly install: boolean;
  readonly quick: boolean;
  /** Names of workloads and of subjects; all where there are none. */
  readonly only: string | undefined;
  readonly subjects: string | undefined;
  /** With the rows that have no allocator. */
  readonly control: boolean;
  /** For the processes that run subjects in Node. */
  readonly nodeFlags: readonly string[];
  /** Shows how to start the processes by hand, and does not run them. */
  readonly commands: boolean;
  readonly dir: string;
  readonly out: string;
  readonly against: string | undefined;
  readonly rounds: number;
  readonly roundMs: number;
  readonly seed: number;
  /** Verifies and runs each workload as shortly as can be; its figures mean nothing. */
  readonly smoke: boolean;
}

export const HELP = `npm run bench -- [options]

Measures malloc and free of this project beside other allocators, in Node and in C.

  --quick             fewer rows, shorter rounds; ends within two minutes
  --only NAMES        only these workloads: ids and groups, with commas between them; * stands for anything:
                      'pair,batch', 'larson-*', 'suite'
  --subjects NAMES    only these subjects: ids, or ours, node, native
  --no-control        without the rows that run the workloads' loops with no allocator
  --list              names all workloads and subjects
  --node-flags FLAGS  for the processes that measure in Node, e.g. '--cpu-prof --cpu-prof-dir=/tmp/prof'
  --commands          prints how to start each process by hand, for a profiler or a debugger, and ends
  --against FILE      compares with the JSON of an earlier run: one ratio a value, and their geometric mean
  --dir DIR           where pools are made; default: the directory for temporary files
  --out DIR           where JSON and pictures go; default: bench/results
  --rounds N          rounds that each subject runs, in turn with the others; default 5, with --quick 2
  --round-ms MS       length of a round; default 150, with --quick 30
  --seed N            of the random numbers; default 1
  --install           first installs the native peers' libraries with apt-get, as root
  --smoke             verifies each workload and runs it as shortly as can be; the figures mean nothing
  --help              this text
`;

/** Options whose values begin with a dash, which parseArgs takes only after `=`. */
const DASHED = ['--node-flags'];

function joinDashed(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const word of words) {
    const before = joined.at(-1);
    if (before !== undefined && DASHED.includes(before)) joined[joined.length - 1] = `${before}=${word}`;
    else joined.push(word);
  }
  return joined;
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: joinDashed(words),
      options: {
        help: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        install: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        smoke: { type: 'boolean', default: false },
        only: { type: 'string' },
        subjects: { type: 'string' },
        'no-control': { type: 'boolean', default: false },
        'node-flags': { type: 'string', default: '' },
        commands: { type: 'boolean', default: false },
        dir: { type: 'string', default: tmpdir() },
        out: { type: 'string', default: resolve(__dirname, '../results') },
        against: { type: 'string' },
        rounds: { type: 'string' },
        'round-ms': { type: 'string' },
        seed: { type: 'string', default: '1' },
      },
    }).values;
  } catch (error) {
    throw new BenchError(messageOf(error).split('. ')[0]);
  }
}

function wholeNumber(name: string, text: string, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new BenchError(`--${name} takes a whole number from 1 to ${most}, not '${text}'`);
}

export function readOptions(words: readonly string[]): Options {
  const given = parse(words);
  const short = given.quick || given.smoke;
  const dir = resolve(given.dir);
  if (!existsSync(dir) || !statSync(dir).isDirectory()) throw new BenchError(`--dir: ${dir} is no directory`);
  return {
    help: given.help,
    list: given.list,
    install: given.install,
    quick: short,
    smoke: given.smoke,
    only: given.only,
    subjects: given.subjects,
    control: !given['no-control'],
    nodeFlags: given['node-flags'].split(/\s+/).filter((flag) => flag !== ''),
    commands: given.commands,
    dir,
    out: resolve(given.out),
    against: given.against === undefined ? undefined : resolve(given.against),
    rounds: wholeNumber('rounds', given.rounds ?? (given.smoke ? '1' : short ? '2' : '5'), 1000),
    roundMs: wholeNumber('round-ms', given['round-ms'] ?? (given.smoke ? '1' : short ? '30' : '150'), 60_000),
    seed: wholeNumber('seed', given.seed, 2 ** 31 - 1),
  };
}
