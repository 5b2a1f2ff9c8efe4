// The two ways of counting, as the main thread sees them.

import type { Vmem } from '@vmem-ts/vmem-api';
import type { Job, JobDone } from './job';
import type { Measurement, Meter } from './meter';
import { PieceQueue } from './piece-queue';
import type { Piece } from './pieces';
import type { PoolJob } from './pool-worker';
import type { Progress } from './progress';
import { runWorkers } from './run-workers';
import { SharedCountTable } from './shared-count-table';

export interface Work {
  readonly pieces: readonly Piece[];
  readonly threads: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface Counted<Counts> {
  readonly counts: Counts;
  readonly words: number;
  /** Bytes of text. */
  readonly bytes: number;
  readonly measured: Measurement;
}

/** All workers count in one table in the pool. */
export async function countInPool(work: Work, pool: Vmem, meter: Meter): Promise<Counted<SharedCountTable>> {
  const counts = SharedCountTable.create(pool);
  const additions: Pick<PoolJob, 'pool' | 'table'> = { pool: pool.handle, table: counts.handle };
  const totals = await runJob(work, meter, 'counting in the pool', 'pool-worker', additions);
  return { counts, ...totals, measured: meter.read() };
}

/** Each worker counts in a Map of its own, and the main thread adds them up. */
export async function countInMaps(work: Work, meter: Meter): Promise<Counted<ReadonlyMap<string, number>>> {
  const counts = new Map<string, number>();
  const addUp = (report: JobDone): void => {
    for (const [word, count] of report.counts ?? []) counts.set(word, (counts.get(word) ?? 0) + count);
    meter.sample();
  };
  const totals = await runJob(work, meter, 'counting in a Map per worker', 'map-worker', {}, addUp);
  return { counts, ...totals, measured: meter.read() };
}

const PROGRESS_INTERVAL_MS = 100;

async function runJob(
  { pieces, threads, progress, signal }: Work,
  meter: Meter,
  title: string,
  script: string,
  additions: object,
  onDone?: (report: JobDone) => void,
): Promise<{ words: number; bytes: number }> {
  const queue = new PieceQueue(pieces.length);
  const job: Job = { pieces, queue: queue.memory, ...additions };
  let words = 0;
  let bytes = 0;
  progress.start(title, pieces.length);
  const timer = setInterval(() => progress.update(queue.progress), PROGRESS_INTERVAL_MS);
  try {
    await runWorkers({
      script,
      threads,
      job,
      signal,
      stop: () => queue.stop(),
      onDone(report) {
        words += report.words;
        bytes += report.bytes;
        meter.addWorker(report.peakHeap);
        onDone?.(report);
      },
    });
    progress.update(pieces.length);
    return { words, bytes };
  } finally {
    clearInterval(timer);
    progress.stop();
  }
}
