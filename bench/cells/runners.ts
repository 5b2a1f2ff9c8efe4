// How a cell measures, by the kind of its row.

import { VERIFIED_HOLES, VERIFIED_OPERATIONS, VERIFIED_SLOTS, summarize, type Value } from './protocol';
import { Team } from './team';
import type { Subject } from '../subjects/subject';
import { SHARED_WORDS, type Params } from '../workloads/job';
import { jobNamed } from '../workloads/jobs';
import { measureNamed } from '../workloads/measures';
import type { Kind } from '../workloads/rows';

export interface Runner {
  /** Runs a little with verified contents, in threads of their own so that V8 does not learn from it. */
  verify(): Promise<void>;
  runFor(ms: number): Promise<readonly Value[]>;
  stop(): Promise<void>;
}

export interface CellTask {
  readonly subject: Subject;
  readonly job: string;
  readonly params: Params;
  readonly dir: string;
}

/** The shortest sample that the clock's own cost does not matter in. */
const SAMPLE_MS = 1;
const FIRST_OPERATIONS = 16;

async function verifyJob({ subject, job, params, dir }: CellTask): Promise<void> {
  if (subject.id === 'control') return;
  const small = {
    ...params,
    slots: Math.min(params.slots, VERIFIED_SLOTS),
    holes: Math.min(params.holes, VERIFIED_HOLES),
  };
  const team = await Team.start(subject, job, small, dir, true);
  team.run(VERIFIED_OPERATIONS);
  team.run(VERIFIED_OPERATIONS);
  await team.stop();
}

/** In this thread, timed by tinybench: its tasks are runs of as many operations as take a millisecond. */
class MicroRunner implements Runner {
  private operations = FIRST_OPERATIONS;
  private run: ((operations: number) => number) | undefined;
  private finish: () => void = () => undefined;

  constructor(private readonly task: CellTask) {}

  verify(): Promise<void> {
    return verifyJob(this.task);
  }

  async runFor(ms: number): Promise<readonly Value[]> {
    const run = (this.run ??= await this.prepare());
    let count = this.calibrate(run);
    const { Bench } = await import('tinybench');
    const bench = new Bench({ time: ms, iterations: 1, warmup: false, throws: true });
    bench.add(this.task.job, () => {
      count = run(this.operations);
    });
    const [timed] = await bench.run();
    const result = timed?.result;
    if (result === undefined || !('latency' in result)) throw new Error('tinybench has no result');
    const nsEach = 1e6 / count;
    const { p50, min, mean } = result.latency;
    return [[p50 * nsEach, min * nsEach, mean * nsEach]];
  }

  stop(): Promise<void> {
    this.finish();
    return Promise.resolve();
  }

  private async prepare(): Promise<(operations: number) => number> {
    const { subject, job, params, dir } = this.task;
    const { poolBytes, slots } = params;
    const heap = await subject.open({ poolBytes, dir, slots });
    const shared = new Int32Array(SHARED_WORDS);
    const prepared = jobNamed(job)({
      heap,
      params,
      thread: 0,
      threads: 1,
      shared,
      requireOthers: () => undefined,
    });
    this.finish = () => {
      prepared.finish();
      heap.close();
    };
    return (operations) => prepared.run(operations);
  }

  /** The count of operations that one run does. */
  private calibrate(run: (operations: number) => number): number {
    for (;;) {
      const start = performance.now();
      const count = run(this.operations);
      if (performance.now() - start >= SAMPLE_MS / 2) return count;
      this.operations *= 2;
    }
  }
}

/** In threads of their own; a sample is half a round. */
class ThreadsRunner implements Runner {
  private operations = FIRST_OPERATIONS;
  private team: Team | undefined;

  constructor(private readonly task: CellTask) {}

  verify(): Promise<void> {
    return verifyJob(this.task);
  }

  async runFor(ms: number): Promise<readonly Value[]> {
    const { subject, job, params, dir } = this.task;
    const team = (this.team ??= await Team.start(subject, job, params, dir, false));
    const begin = performance.now();
    while (team.run(this.operations).ns < (ms * 1e6) / 4) this.operations *= 2;
    const samples: number[] = [];
    do {
      const { ns, count } = team.run(this.operations);
      samples.push(ns / count);
    } while (performance.now() - begin < ms);
    return [summarize(samples)];
  }

  async stop(): Promise<void> {
    await this.team?.stop();
  }
}

/** Sizes of all kinds, in place of a whole that has no verified twin. */
const ANY_SIZE = { threads: 1, slots: 100, low: 16, span: 0, doublings: 15 };

class MeasureRunner implements Runner {
  constructor(
    private readonly task: CellTask,
    private readonly higherIsBetter: boolean,
  ) {}

  verify(): Promise<void> {
    const { task } = this;
    return verifyJob({ ...task, job: 'churn', params: { ...task.params, ...ANY_SIZE } });
  }

  async runFor(ms: number): Promise<readonly Value[]> {
    const { subject, job, params, dir } = this.task;
    const measure = measureNamed(job);
    const begin = performance.now();
    const series: (number | null)[][] = [];
    do {
      const values = await measure(subject, params, dir);
      values.forEach((value, i) => (series[i] ??= []).push(value));
    } while (performance.now() - begin < ms);
    return series.map((values) => {
      const numbers = values.filter((value) => value !== null);
      return numbers.length === 0 ? null : summarize(numbers, this.higherIsBetter);
    });
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

const SPACE_MEASURES = ['capacity', 'fragmentation'];

export function runnerOf(kind: Kind, task: CellTask): Runner {
  if (kind === 'micro') return new MicroRunner(task);
  if (kind === 'threads') return new ThreadsRunner(task);
  return new MeasureRunner(task, SPACE_MEASURES.includes(task.job));
}
