// Programs under the preload, each in a process of its own.

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { MIB, POOL_DIR } from '../support/pools';

export const REGISTER = require.resolve('@vmem-ts/vmem-api/vmmalloc/register');

export type Variables = Readonly<Record<string, string>>;

/** A program of this folder. */
export const programPath = (name: string): string => resolve(__dirname, 'programs', `${name}.js`);

/** The environment without variables of vmmalloc but these. */
export function environment(variables: Variables = {}): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('VMMALLOC_'));
  return { ...Object.fromEntries(inherited), ...variables };
}

/** Those of a pool of 64 MiB. */
export const POOL: Variables = { VMMALLOC_POOL_DIR: POOL_DIR, VMMALLOC_POOL_SIZE: String(64 * MIB) };

export interface Run {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program under the preload, or with `flags` of its own in place of that one. */
export function runPreloaded(
  name: string,
  args: readonly (string | number)[] = [],
  variables: Variables = {},
  flags: readonly string[] = ['--require', REGISTER],
): Run {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, programPath(name), ...args.map(String)],
    { encoding: 'utf8', timeout: 110_000, maxBuffer: 2 ** 28, env: environment({ ...POOL, ...variables }) },
  );
  return { status, signal, stdout, stderr };
}

/** What a program prints that ends well and says nothing on stderr. */
export function outputOf(...run: Parameters<typeof runPreloaded>): string {
  const { status, signal, stdout, stderr } = runPreloaded(...run);
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return stdout;
}

/** The same, read as JSON. */
export const resultOf = <T>(...run: Parameters<typeof runPreloaded>): T => JSON.parse(outputOf(...run)) as T;
