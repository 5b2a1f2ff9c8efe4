// What the programs here have in common: `--dir` says where pools are, and what goes wrong is one line and status 1.

import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

/** What ends a program, with one line for its user. */
export class Failure extends Error {}

export function fail(message: string): never {
  throw new Failure(message);
}

/** Runs `main` with the place for pools, a directory or a DAX device, and with the other arguments. */
export async function run(
  main: (dir: string, rest: readonly string[]) => void | Promise<void>,
): Promise<void> {
  try {
    const { dir, rest } = readArguments(process.argv.slice(2));
    await main(dir, rest);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

function readArguments(args: string[]): { dir: string; rest: readonly string[] } {
  try {
    const options = { dir: { type: 'string', default: tmpdir() } } as const;
    const { values, positionals: rest } = parseArgs({ args, allowPositionals: true, options });
    return { dir: values.dir, rest };
  } catch (error) {
    return fail((error as Error).message);
  }
}

/** A number on the command line. */
export function numberOf(argument: string | undefined, otherwise: number): number {
  const number = Number(argument ?? otherwise);
  return Number.isSafeInteger(number) && number > 0
    ? number
    : fail(`expected a number above 0, got ${argument}`);
}
