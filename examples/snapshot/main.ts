// Saves a large structure in a pool while threads change it: a process that is forked with the pool writes it to disk, as it was
// at one moment, and the threads go on meanwhile. Then the pool's file takes up again what they write, and all of it can be done
// once more.

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Vmem, type ForkMode } from '@vmem-ts/vmem-api';
import { Ledger, START } from './ledger';
import type { TellerTask } from './teller';
import { Turnstile } from './turnstile';

/** What ends the program, with one line for its user. */
class Failure extends Error {}

const BYTES_AN_ACCOUNT = 512;

const HELP = `Usage: node examples/dist/snapshot/main.js [options]

Threads move money between accounts, which are records in a pool. Meanwhile a process that is forked with the pool saves all
of them as they are at one moment; the balances that it has saved must add up. Then once more.

  --accounts <n>   accounts (default: 50000)
  --threads <n>    threads that move money (default: 2)
  --snapshots <n>  how often they are saved (default: 3)
  --mode <1|2|3>   1: copy-on-write; 2: a full copy of the pool's file; 3: that if there is room, else 1 (default: 1)
  --dir <folder>   where the pool's file and the saved files are (default: ${tmpdir()})
  --careless       don't stop the threads for the moment of the fork: then the balances do not add up
  --help           print this
`;

function numberOf(name: string, text: string, most: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0 && number <= most) return number;
  throw new Failure(`--${name}: expected a number from 1 to ${most}, got ${text}`);
}

interface Options {
  readonly accounts: number;
  readonly threads: number;
  readonly snapshots: number;
  readonly mode: ForkMode;
  readonly dir: string;
  readonly isCareless: boolean;
}

function readOptions(): Options | 'help' {
  const text = (preset: string): { type: 'string'; default: string } => ({ type: 'string', default: preset });
  const options = {
    accounts: text('50000'),
    threads: text('2'),
    snapshots: text('3'),
    mode: text('1'),
    dir: text(tmpdir()),
    careless: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  } as const;
  try {
    const { values } = parseArgs({ options });
    if (values.help === true) return 'help';
    return {
      accounts: numberOf('accounts', values.accounts, 4_000_000),
      threads: numberOf('threads', values.threads, 64),
      snapshots: numberOf('snapshots', values.snapshots, 1000),
      mode: numberOf('mode', values.mode, 3) as ForkMode,
      dir: values.dir,
      isCareless: values.careless,
    };
  } catch (error) {
    throw new Failure((error as Error).message);
  }
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const sumOf = (counts: Int32Array): number => counts.reduce((sum, count) => sum + count, 0);

/** Balances that a process has saved, which must be those of one moment. */
function verify(path: string, accounts: number): void {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  let sum = 0;
  for (const [i, line] of lines.entries()) {
    const [account, balance] = line.split(' ').map(Number);
    if (account !== i) throw new Failure(`${path}: account ${i} is missing`);
    sum += balance ?? NaN;
  }
  if (lines.length !== accounts) throw new Failure(`${path}: ${lines.length} of ${accounts} accounts`);
  if (sum !== accounts * START)
    throw new Failure(`${path}: the balances add up to ${sum}, expected ${accounts * START}`);
}

interface Bank {
  readonly pool: Vmem;
  readonly ledger: Ledger;
  readonly turnstile: Turnstile;
  readonly counts: Int32Array;
}

async function save(
  { pool, ledger, turnstile, counts }: Bank,
  { mode, isCareless }: Options,
  path: string,
): Promise<string> {
  const timed = <T>(action: () => T, isStopped = true): [T, string] => {
    const start = performance.now();
    const result = isStopped ? turnstile.closed(action) : action();
    return [result, `${(performance.now() - start).toFixed(0)} ms`];
  };
  const args = [ledger.table, ledger.accounts, path].map(String);
  const [child, forked] = timed(() => pool.fork(join(__dirname, 'save.js'), args, { mode }), !isCareless);
  const before = sumOf(counts);
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status !== 0) throw new Failure('the process that saves has failed');
  const transfers = sumOf(counts) - before;
  const [written, thawed] = timed(() => pool.thaw());
  verify(path, ledger.accounts);
  const size = mebibytes(statSync(path).size);
  return (
    `${ledger.accounts} accounts saved (${size}), the balances add up to ${ledger.accounts * START}; ` +
    `${transfers} transfers meanwhile; stopped for ${forked} and ${thawed}, ${mebibytes(written)} written back`
  );
}

async function run(options: Options): Promise<void> {
  const { accounts, threads, snapshots, dir } = options;
  const pool = Vmem.create(dir, Math.max(16 << 20, accounts * BYTES_AN_ACCOUNT));
  const folder = mkdtempSync(join(dir, 'vmem-snapshot-'));
  const turnstile = Turnstile.create();
  const counts = new Int32Array(new SharedArrayBuffer(4 * threads));
  let tellers: Worker[] = [];
  try {
    const ledger = Ledger.create(pool, accounts);
    const task = { handle: pool.handle, table: ledger.table, accounts, turnstile: turnstile.buffer, counts };
    tellers = Array.from({ length: threads }, (_, index) => {
      const workerData: TellerTask = { ...task, index, tellers: threads };
      return new Worker(join(__dirname, 'teller.js'), { workerData });
    });
    const ends = tellers.map(async (teller) => {
      await once(teller, 'exit');
      if (!turnstile.isOver) throw new Failure('a thread ended before its time');
    });
    const saveAll = async (): Promise<void> => {
      // until all threads move money
      while (counts.includes(0) && !turnstile.isOver) await setTimeout(1);
      for (let i = 1; i <= snapshots; i++) {
        const path = join(folder, `${i}.txt`);
        console.log(`snapshot ${i}: ${await save({ pool, ledger, turnstile, counts }, options, path)}`);
      }
      turnstile.end();
    };
    await Promise.all([saveAll(), ...ends]);
    ledger.delete();
    const { liveBlocks } = pool.stats();
    if (pool.check() !== 1 || liveBlocks > 0)
      throw new Failure(`the pool is damaged, or ${liveBlocks} blocks are left`);
    console.log(
      `${snapshots} snapshots, ${sumOf(counts)} transfers; the pool is consistent, no block is left`,
    );
  } finally {
    turnstile.end();
    await Promise.all(tellers.map((teller) => teller.terminate()));
    pool.delete();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  try {
    const options = readOptions();
    if (options === 'help') process.stdout.write(HELP);
    else await run(options);
  } catch (error) {
    process.stderr.write(`snapshot: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

void main();
