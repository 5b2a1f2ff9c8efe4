// The command line.

import { availableParallelism, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { VMEM_MIN_POOL } from '@vmem-ts/vmem-api';
import { parseByteSize } from './byte-size';
import { usageFailure } from './failure';
import { MAX_POOL, MAX_THREADS } from './pool';

export interface Options {
  readonly threads: number;
  /** Bytes of the pool; undefined: chosen from the size of the input. */
  readonly size: number | undefined;
  /** Where the pool is: a folder, or a DAX device. */
  readonly dir: string;
  /** Words to list. */
  readonly top: number;
  readonly json: boolean;
  /** Files and folders; none: the project's node_modules. */
  readonly inputs: readonly string[];
}

const DEFAULT_THREADS = Math.min(availableParallelism(), MAX_THREADS);

export const HELP = `Usage: npm start -- [options] [file or folder ...]

Counts the words of files in worker threads that share one hash table in a vmem pool, then once more with a Map in each
worker, and compares. Of a folder, all .md, .txt, .js and .ts files below it are read; without any argument, those in the
project's node_modules.

  --threads <n>    worker threads, 1 to ${MAX_THREADS} (default: one per core, ${DEFAULT_THREADS} here)
  --size <bytes>   size of the pool, such as 64MiB or 1GiB, 14MiB to 16GiB (default: chosen from the size of the input)
  --dir <place>    where the pool is: a folder for its file, or a DAX device such as /dev/dax0.0, which is then used as a
                   whole whatever --size says, and whose contents are lost (default: ${tmpdir()})
  --top <n>        words to list (default: 20)
  --json           print one JSON document instead of tables (npm start --silent -- --json prints nothing else)
  --help           print this

Exit status: 0 if both ways agree on every word and count and the pool is consistent, 2 for a wrong command line, 130
when interrupted, otherwise 1.
`;

/** @throws Failure for anything that makes no sense */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values, positionals } = parse(args);
  if (values.help === true) return 'help';
  return {
    threads: wholeNumber('--threads', values.threads, 1, MAX_THREADS) ?? DEFAULT_THREADS,
    size: poolSize(values.size),
    dir: values.dir ?? tmpdir(),
    top: wholeNumber('--top', values.top, 0, 1e6) ?? 20,
    json: values.json ?? false,
    inputs: positionals,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        threads: { type: 'string' },
        size: { type: 'string' },
        dir: { type: 'string' },
        top: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\.?(?: To specify |\n)/);
    throw usageFailure(sentence.replace(/\.$/, ''));
  }
}

function wholeNumber(
  flag: string,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw usageFailure(`${flag}: expected a whole number from ${least} to ${most}, got '${text}'`);
}

function poolSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseByteSize(text);
  if (bytes !== undefined && bytes >= VMEM_MIN_POOL && bytes <= MAX_POOL) return bytes;
  throw usageFailure(`--size: expected 14MiB to 16GiB, such as 64MiB or 1GiB, got '${text}'`);
}
