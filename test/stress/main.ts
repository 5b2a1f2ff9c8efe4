// npm run stress: a long run, a line a stage, the figures at the end.

import { writeFileSync } from 'node:fs';
import { Vmem, type VmemOptions } from '@vmem-ts/vmem-api';
import { judge, verdictText, type Interval } from './endurance';
import { HELP, UsageError, readOptions, type Options } from './options';
import { run, type RunResult } from './run';
import { holdsText, stallsText } from './stalls';

const MIB = 2 ** 20;
const LEAST_POOL = 14 * MIB;
/** A thread that has done nothing for so long hangs. */
const HANG_MS = 60_000;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** The first pool is as the options say; the others are of all kinds in turn. */
function makePool(options: Options, n: number): Vmem {
  const { dir, backend, bytes, grow, policy } = options;
  if (n === 0) return create(dir, bytes, grow, { backend, policy });
  return create(dir, LEAST_POOL * 2, n % 2 === 0, {
    backend: n % 3 === 0 ? 'anonymous' : backend,
    policy: n % 4 < 2 ? 'default' : 'conservative',
  });
}

function create(dir: string, bytes: number, grow: boolean, options: VmemOptions): Vmem {
  // two more than there can be: each thread has a slot, and the next to have a place may come before that is cleared
  const threads = 24;
  if (!grow || options.backend === 'mmap-io') return Vmem.create(dir, bytes, { ...options, threads });
  return Vmem.create(dir, LEAST_POOL, { ...options, threads, maxSize: bytes });
}

function lineOf(interval: Interval, stage: number, stages: number): string {
  const { seconds, workers, profile, operations, operationsPerSecond, deaths } = interval;
  const parts = [
    `${stage + 1}/${stages}`.padStart(7),
    `${seconds.toFixed(0)} s`.padStart(6),
    `${workers} workers, ${profile}`.padEnd(27),
    `${(operations / 1e6).toFixed(1)} M, ${(operationsPerSecond / 1000).toFixed(0)} k/s`.padEnd(17),
    `file ${(interval.fileBytes / MIB).toFixed(1)} MiB, live ${(100 * interval.liveShare).toFixed(0)} %,`,
    `fragmentation ${(100 * interval.fragmentation).toFixed(0)} %;`,
    `longest ${interval.longestStallMs.toFixed(0)} ms, control ${interval.longestControlMs.toFixed(0)} ms`,
  ];
  return parts.join('  ') + (deaths > 0 ? `; ${deaths} killed` : '');
}

function summary(result: RunResult): string {
  const {
    operations,
    milliseconds,
    deaths,
    threadsStarted,
    turnedAway,
    poolsMade,
    blocksOfTheDead,
    stalls,
    holds,
  } = result;
  const died = Object.entries(deaths).map(([way, count]) => `${count} by ${way}`);
  const killed = Object.values(deaths).reduce((a, b) => a + b);
  return [
    '',
    `${operations} operations in ${(milliseconds / 1000).toFixed(0)} s; every audit was clean and nothing was left.`,
    `${threadsStarted} threads, ${poolsMade} pools; ${turnedAway} attempts to attach that found no slot.`,
    `${killed} threads killed: ${died.join(', ')}; ${blocksOfTheDead} blocks were in their hands.`,
    'How long calls took; in parentheses without the time in which the thread waited for a processor, of those above 5 ms.',
    stallsText('Workers', stalls.workers),
    stallsText('A thread that uses no pool', stalls.control),
    holdsText(holds),
  ].join('\n');
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    print(HELP);
    return;
  }
  const { seed, operations, hours, kills, deaths, workers, stages, pools, out } = options;
  print(`--seed ${seed}`);
  const result = await run({
    seed,
    operations,
    milliseconds: hours * 3_600_000,
    kills,
    deaths,
    workers,
    stages,
    sidePools: pools - 1,
    makePool: (n) => makePool(options, n),
    hangMs: HANG_MS,
    report: (interval, stage) => {
      print(lineOf(interval, stage, stages));
    },
  });
  const verdict = judge(result.intervals);
  print(summary(result));
  if (verdict !== undefined) print(verdictText(verdict));
  if (out !== undefined) writeFileSync(out, `${JSON.stringify({ options, ...result, verdict }, null, 2)}\n`);
  if (hours > 0 && verdict?.isLevel === false) process.exitCode = 1;
}

main().catch((error: unknown) => {
  const text =
    error instanceof UsageError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`stress: ${text ?? ''}\n`);
  process.exitCode = 1;
});
