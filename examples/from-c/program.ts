// What the programs here have in common: the directory is the first argument, and what goes wrong is one line and status 1.

import { tmpdir } from 'node:os';

/** What ends a program, with one line for its user. */
export class Failure extends Error {}

export function fail(message: string): never {
  throw new Failure(message);
}

/** Runs `main` with the directory for pools and the arguments behind it. */
export async function run(
  main: (dir: string, rest: readonly string[]) => void | Promise<void>,
): Promise<void> {
  const [dir = tmpdir(), ...rest] = process.argv.slice(2);
  try {
    await main(dir, rest);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

/** A number on the command line. */
export function numberOf(argument: string | undefined, otherwise: number): number {
  const number = Number(argument ?? otherwise);
  return Number.isSafeInteger(number) && number > 0
    ? number
    : fail(`expected a number above 0, got ${argument}`);
}
