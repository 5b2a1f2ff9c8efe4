// The program: finds the input, counts it both ways, compares, reports. Everything that can go wrong for its user is a
// Failure, printed as one line.

import { setImmediate } from 'node:timers/promises';
import type { Vmem } from '@vmem-ts/vmem-api';
import { compareCounts } from './compare';
import { countInMaps, countInPool, type Work } from './counting';
import { Failure, reasonOf } from './failure';
import { findInputFiles, measureFile, type InputFile } from './input-files';
import { Meter } from './meter';
import { HELP, readOptions, type Options } from './options';
import { cutIntoPieces } from './pieces';
import { createPool, defaultPoolSize, outOfMemory } from './pool';
import { chooseProgress, type Progress } from './progress';
import { findProblems, jsonFailure, jsonReport, textReport, type Outcome } from './report';
import { WorkerFailure } from './run-workers';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  try {
    const options = readOptions(args);
    if (options === 'help') {
      process.stdout.write(HELP);
      return;
    }
    const outcome = await countWords(options, interruption());
    process.stdout.write(`${options.json ? jsonReport(outcome) : textReport(outcome)}\n`);
    const problems = findProblems(outcome);
    if (problems.length > 0) fail(new Failure(problems.join('; ')));
  } catch (error) {
    const failure = error instanceof Failure ? error : new Failure(`unexpected: ${(error as Error).message}`);
    if (args.includes('--json') && failure.exitStatus !== 2)
      process.stdout.write(`${jsonFailure(failure.message)}\n`);
    fail(failure);
  }
}

function fail({ message, exitStatus }: Failure): void {
  process.stderr.write(`word-count: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`);
  process.exitCode = exitStatus;
}

/** Fires when the user wants the program to end. A terminal and npm may both tell it, so a second time is no news. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => controller.abort());
  return controller.signal;
}

async function countWords(options: Options, signal: AbortSignal): Promise<Outcome> {
  const { threads, top } = options;
  const progress = chooseProgress(options.json);
  const files = await measureFiles(findInputFiles(options.inputs), progress, signal);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const work: Work = { pieces: cutIntoPieces(files), threads, progress, signal };
  const defaultSize = defaultPoolSize(bytes, threads);

  const meter = new Meter();
  const pool = createPool(options.dir, options.size ?? defaultSize, threads);
  try {
    const inPool = await countInPool(work, pool, meter);
    const stats = pool.stats();
    const inMaps = await countInMaps(work, new Meter());
    if (inPool.bytes !== bytes || inMaps.bytes !== bytes) {
      throw new Failure(
        'files changed while they were counted; run it again, or name files that stay as they are',
      );
    }
    const comparison = compareCounts(inPool.counts, inMaps.counts, top);
    const info = pool.info();
    const check = pool.checkReport();
    inPool.counts.dispose();
    const blocksLeft = pool.stats().liveBlocks;
    const { words, measured } = inPool;
    return {
      files: files.length,
      bytes,
      words,
      threads,
      comparison,
      pool: measured,
      maps: inMaps.measured,
      info,
      stats,
      check,
      blocksLeft,
    };
  } catch (error) {
    throw asFailure(error, pool, defaultSize);
  } finally {
    pool.delete();
  }
}

/** Files to read between two looks at what else there is to do. */
const FILES_AT_A_TIME = 64;

async function measureFiles(
  paths: readonly string[],
  progress: Progress,
  signal: AbortSignal,
): Promise<InputFile[]> {
  const files: InputFile[] = [];
  progress.start('reading the input once', paths.length);
  try {
    for (const path of paths) {
      files.push(measureFile(path));
      if (files.length % FILES_AT_A_TIME !== 0) continue;
      progress.update(files.length);
      await setImmediate();
      if (signal.aborted) throw new Failure('interrupted', 130);
    }
    progress.update(files.length);
    return files;
  } finally {
    progress.stop();
  }
}

function asFailure(error: unknown, pool: Vmem, defaultSize: number): unknown {
  if ((error as { code?: unknown }).code === 'ENOMEM') {
    return outOfMemory(pool.size, defaultSize, pool.check() === 1);
  }
  if (!(error instanceof WorkerFailure)) return error;
  const what = error.path === undefined ? 'a worker failed' : `${error.path}: cannot be counted`;
  return new Failure(`${what}: ${reasonOf(error)}`);
}

process.stdout.on('error', () => process.exit(1)); // nobody reads on, as with `| head`
void main();
