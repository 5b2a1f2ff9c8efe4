// Processes that were forked with a pool (test/pools/workers/forked.ts), and talks with them.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { ForkMode, Vmem, VmemForkOptions } from '@vmem-ts/vmem-api';

export interface ForkQuestion {
  /** The pool to ask about, if it is another one. */
  readonly name?: string;
  readonly digest?: true;
  /** Look at the blocks of a table. */
  readonly table?: number;
  /** Free the blocks of the table, fill new ones, and look at all. */
  readonly work?: number;
  /** Fill so many bytes. */
  readonly take?: number;
  readonly thaw?: true;
  /** Have threads of its own use the pool, and fork so many generations on. */
  readonly generations?: number;
  readonly mode?: ForkMode;
}

export interface ForkAnswer {
  readonly error?: string;
  readonly isInherited?: boolean;
  readonly check?: number;
  readonly threads?: number;
  readonly liveBlocks?: number;
  readonly digest?: string;
  readonly problems?: readonly string[];
  readonly taken?: boolean;
  /** Generations below that found all well. */
  readonly generations?: number;
  readonly files?: number;
}

const running = new Set<ChildProcess>();

const SCRIPT = resolve(__dirname, '../pools/workers/forked.js');

/** For the end of a test. */
export async function killForked(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      child.kill('SIGKILL');
      await endOf(child);
    }),
  );
}

/** How a process ended, by its status or signal. */
export async function endOf(child: ChildProcess): Promise<number | string> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode ?? child.signalCode ?? 'unknown';
}

export class Forked {
  constructor(readonly process: ChildProcess) {
    running.add(process);
    process.once('exit', () => running.delete(process));
  }

  /** The pool's fork; killed at the latest when the test ends. */
  static of(pool: Vmem, options: VmemForkOptions = {}): Forked {
    return new Forked(pool.fork(SCRIPT, [], options));
  }

  async ask(question: ForkQuestion): Promise<ForkAnswer> {
    const { process } = this;
    const over = new AbortController();
    const { signal } = over;
    try {
      const answer = once(process, 'message', { signal }) as Promise<[ForkAnswer]>;
      const ended = once(process, 'exit', { signal }).then(([status, by]) => {
        throw new Error(`the forked process ended with ${String(status ?? by)} and said nothing`);
      });
      process.send(question);
      const [{ error, ...rest }] = await Promise.race([answer, ended]);
      if (error !== undefined) throw new Error(`in the forked process: ${error}`);
      return rest;
    } finally {
      over.abort();
    }
  }

  async end(): Promise<number | string> {
    this.process.disconnect();
    return endOf(this.process);
  }
}
