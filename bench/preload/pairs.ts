// Processes that are run in pairs, without the preload and with it, each first in turn.

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';

const REGISTER = require.resolve('@vmem-ts/vmem-api/vmmalloc/register');

export interface Pool {
  readonly dir: string;
  readonly mebibytes: number;
  /** VMMALLOC_MIN_SIZE; undefined leaves it to the preload. */
  readonly minSize: number | undefined;
}

export interface Said {
  readonly stdout: string;
  /** What it said on file descriptor 3. */
  readonly report: string;
}

/** Runs Node with these arguments, with the preload if a pool is given; its status must be 0. */
export async function runNode(args: readonly string[], pool?: Pool): Promise<Said> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('VMMALLOC_'));
  const env: NodeJS.ProcessEnv = Object.fromEntries(inherited);
  if (pool !== undefined) {
    env['VMMALLOC_POOL_DIR'] = pool.dir;
    env['VMMALLOC_POOL_SIZE'] = String(pool.mebibytes * 2 ** 20);
    if (pool.minSize !== undefined) env['VMMALLOC_MIN_SIZE'] = String(pool.minSize);
  }
  const preload = pool === undefined ? [] : ['--require', REGISTER];
  const child = spawn(process.execPath, [...preload, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  const ended = new Promise<number | null>((done) => child.once('close', done));
  const [stdout, report, status] = await Promise.all([
    text(child.stdout!),
    text(child.stdio[3] as Readable),
    ended,
  ]);
  if (status !== 0) throw new Error(`${args.join(' ')} ended with status ${status}`);
  return { stdout, report };
}

/** Without and with it, `count` times. */
export async function runPairs<T>(
  count: number,
  run: (pool?: Pool) => Promise<T>,
  pool: Pool,
): Promise<[T, T][]> {
  const pairs: [T, T][] = [];
  for (let i = 0; i < count; i++) {
    if (i % 2 === 0) {
      const without = await run();
      pairs.push([without, await run(pool)]);
    } else {
      const under = await run(pool);
      pairs.push([await run(), under]);
    }
  }
  return pairs;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median over pairs of how many times as long the second took. */
export const ratioOf = (pairs: readonly (readonly [number, number])[]): number =>
  median(pairs.map(([without, under]) => under / without));
