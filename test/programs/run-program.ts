// A program of `apps`, run by itself or in workers, with the preload or without, and what it had in the pool.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';

/** Each with the least bytes that one thread of it, at scale 1, must have in the pool over its life, of 16 KiB and more. */
export const PROGRAMS: Readonly<Record<string, number>> = {
  png: 2_000_000,
  jpeg: 600_000,
  zip: 4_000_000,
  msgpack: 1_000_000,
  sqlite: 700_000,
  leveldb: 500_000,
  'http-server': 4_000_000,
  compiler: 0,
};

export const MIB = 2 ** 20;

const APPS = resolve(__dirname, '../../programs/apps');
const REGISTER = require.resolve('@vmem-ts/vmem-api/vmmalloc/register');

export interface Job {
  readonly program: string;
  /** 0: the program itself, without any worker. */
  readonly workers: number;
  readonly scale: number;
  /** VMMALLOC_MIN_SIZE, or `default`; undefined means without the preload. */
  readonly minSize?: number | 'default' | undefined;
  readonly poolMebibytes: number;
}

/** What a thread has had in the pool over its life. */
export interface Lent {
  blocks: number;
  bytes: number;
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
  readonly lent: ReadonlyMap<number, Lent>;
}

export async function runProgram({ program, workers, scale, minSize, poolMebibytes }: Job): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'vmem-programs-'));
  const log = join(directory, 'log');
  const variables: Record<string, string> = {
    VMMALLOC_POOL_DIR: process.env['VMEM_TEST_DIR'] ?? tmpdir(),
    VMMALLOC_POOL_SIZE: String(poolMebibytes * MIB),
    VMMALLOC_LOG_LEVEL: '4',
    VMMALLOC_LOG_FILE: log,
    ...(typeof minSize === 'number' ? { VMMALLOC_MIN_SIZE: String(minSize) } : {}),
  };
  const path = join(APPS, `${program}.mjs`);
  const command = workers === 0 ? [path, scale] : [join(APPS, 'in-workers.mjs'), path, workers, scale];
  const options = minSize === undefined ? [] : ['--require', REGISTER];
  const start = performance.now();
  try {
    const child = spawn(process.execPath, [...options, ...command.map(String)], {
      env: { ...otherVariables(), ...(minSize === undefined ? {} : variables) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((done) => child.once('close', done));
    const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    const milliseconds = performance.now() - start;
    return { status, stdout, stderr, milliseconds, lent: minSize === undefined ? new Map() : lentIn(log) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Of this process, without those of vmmalloc. */
function otherVariables(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VMMALLOC_')));
}

/** By thread, of a log of all allocations. */
function lentIn(log: string): Map<number, Lent> {
  const threads = new Map<number, Lent>();
  for (const [, thread, size] of readFileSync(log, 'utf8').matchAll(/\[thread (\d+), malloc\] size (\d+)/g)) {
    const lent = threads.get(Number(thread)) ?? { blocks: 0, bytes: 0 };
    threads.set(Number(thread), { blocks: lent.blocks + 1, bytes: lent.bytes + Number(size) });
  }
  return threads;
}

/** What is wrong with a run under the preload; empty if nothing is. `expected`: what the program printed without it. */
export function faultsOf(job: Job, found: Outcome, expected: string): string[] {
  const faults: string[] = [];
  if (found.status !== 0) faults.push(`ended with status ${found.status}`);
  if (found.stderr !== '') faults.push(`stderr: ${found.stderr.slice(0, 2000)}`);
  const wanted = job.workers === 0 ? expected : expected.repeat(job.workers);
  if (found.stdout !== wanted) faults.push(`printed ${JSON.stringify(found.stdout.slice(0, 2000))}`);
  const threads = job.workers === 0 ? [0] : Array.from({ length: job.workers }, (_, i) => i + 1);
  const least = (PROGRAMS[job.program] ?? 0) * job.scale;
  for (const thread of threads) {
    const bytes = found.lent.get(thread)?.bytes ?? 0;
    if (bytes < least) faults.push(`thread ${thread} had ${bytes} bytes in the pool, and not ${least}`);
  }
  return faults;
}
