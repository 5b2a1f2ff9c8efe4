// Programs that use the process's pool, each in a process of its own, as the environment is read once.

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { MIB, POOL_DIR } from '../../support/pools';

export interface Run {
  readonly pid: number;
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** Without the runtime's warning that there is no addon. */
  readonly stderr: string;
}

export type Variables = Readonly<Record<string, string | undefined>>;

const POOL: Variables = { VMMALLOC_POOL_DIR: POOL_DIR, VMMALLOC_POOL_SIZE: String(16 * MIB) };

/** A script of this folder's workers. */
export const script = (name: string): string => resolve(__dirname, 'workers', `${name}.js`);

/** Runs one, with these variables besides a pool of 16 MiB; one that is undefined is not set. */
export function runProgram(
  name: string,
  args: readonly (string | number)[] = [],
  variables: Variables = {},
  options: { readonly cwd?: string; readonly flags?: readonly string[] } = {},
): Run {
  const inherited = Object.entries(process.env).filter(([variable]) => !variable.startsWith('VMMALLOC_'));
  const { pid, status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [...(options.flags ?? []), script(name), ...args.map(String)],
    {
      encoding: 'utf8',
      timeout: 200_000,
      maxBuffer: 2 ** 28,
      cwd: options.cwd,
      env: { ...Object.fromEntries(inherited), ...POOL, ...variables },
    },
  );
  const lines = stderr.split('\n').filter((line) => !/^\(node:\d+\) VmemWarning|^\(Use `node/.test(line));
  return { pid, status, signal, stdout, stderr: lines.join('\n') };
}

/** What a program prints that ends well and says nothing on stderr. */
export function outputOf(...run: Parameters<typeof runProgram>): string {
  const { status, signal, stdout, stderr } = runProgram(...run);
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return stdout;
}
