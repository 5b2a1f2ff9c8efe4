// Threads that do a job together: each waits for an order in shared memory, does it, and says so. The cell's own thread
// sleeps meanwhile. Wall time is from the release to the end of the last thread.

import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SHARED_WORDS, type Params } from '../workloads/job';
import type { Place, SharedAllocator, Subject } from '../subjects/subject';

export const enum Order {
  Run,
  Finish,
}

/** Words of the control memory. */
export const enum Word {
  Release,
  Order,
  Operations,
  Done,
  Failed,
  Count,
}

export interface TeamMemory {
  readonly control: SharedArrayBuffer;
  readonly shared: SharedArrayBuffer;
  /** Operations done and time of the end, one of each a thread. */
  readonly counts: SharedArrayBuffer;
  readonly ends: SharedArrayBuffer;
  /** What a thread that failed has to say. */
  readonly failure: SharedArrayBuffer;
}

export interface ThreadTask {
  readonly subject: string;
  readonly job: string;
  readonly params: Params;
  readonly thread: number;
  readonly threads: number;
  readonly verified: boolean;
  readonly place: Place;
  /** Undefined where the thread makes a heap of its own. */
  readonly share: unknown;
  readonly memory: TeamMemory;
}

const FAILURE_BYTES = 512;
const DEADLINE_MS = 120_000;
const LOOK_MS = 50;

/** Says why a thread can't go on; the first one to say so is heard. */
export function reportFailure({ control, failure }: TeamMemory, error: unknown): void {
  const words = new Int32Array(control);
  if (Atomics.compareExchange(words, Word.Failed, 0, 1) !== 0) return;
  const text = error instanceof Error ? error.message : String(error);
  new TextEncoder().encodeInto(text.slice(0, FAILURE_BYTES / 4), new Uint8Array(failure));
  Atomics.store(words, Word.Failed, 2);
  Atomics.notify(words, Word.Done);
}

export class Team {
  private readonly words: Int32Array;
  private readonly counts: Float64Array;
  private readonly ends: BigInt64Array;

  private constructor(
    private readonly threads: number,
    private readonly memory: TeamMemory,
    private readonly workers: readonly Worker[],
    private readonly heap: SharedAllocator | undefined,
  ) {
    this.words = new Int32Array(memory.control);
    this.counts = new Float64Array(memory.counts);
    this.ends = new BigInt64Array(memory.ends);
  }

  /** Starts the threads and has them prepare the job, one after the other. */
  static async start(
    subject: Subject,
    job: string,
    params: Params,
    dir: string,
    verified: boolean,
  ): Promise<Team> {
    const { threads, poolBytes, slots } = params;
    const place = { poolBytes, dir, slots };
    const heap = subject.shared?.open(place);
    const memory: TeamMemory = {
      control: new SharedArrayBuffer(Word.Count * 4),
      shared: new SharedArrayBuffer(SHARED_WORDS * 4),
      counts: new SharedArrayBuffer(threads * 8),
      ends: new SharedArrayBuffer(threads * 8),
      failure: new SharedArrayBuffer(FAILURE_BYTES),
    };
    const workers: Worker[] = [];
    for (let thread = 0; thread < threads; thread++) {
      const task: ThreadTask = {
        subject: subject.id,
        job,
        params,
        thread,
        threads,
        verified,
        place,
        share: heap?.share(),
        memory,
      };
      const worker = new Worker(join(__dirname, 'thread.js'), { workerData: task });
      workers.push(worker);
      await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.once('exit', () => reject(new Error(readFailure(memory) ?? 'a thread ended early')));
      });
    }
    return new Team(threads, memory, workers, heap);
  }

  /** Has all threads do `operations` each. */
  run(operations: number): { ns: number; count: number } {
    this.words[Word.Operations] = operations;
    const ns = this.give(Order.Run);
    return { ns, count: this.counts.reduce((sum, count) => sum + count, 0) };
  }

  async stop(): Promise<void> {
    this.give(Order.Finish);
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    this.heap?.close();
  }

  private give(order: Order): number {
    const { words } = this;
    words[Word.Order] = order;
    Atomics.store(words, Word.Done, 0);
    const start = process.hrtime.bigint();
    Atomics.add(words, Word.Release, 1);
    Atomics.notify(words, Word.Release);
    for (;;) {
      const done = Atomics.load(words, Word.Done);
      const failure = readFailure(this.memory);
      if (failure !== undefined) throw new Error(failure);
      if (done === this.threads) break;
      if (Number(process.hrtime.bigint() - start) / 1e6 > DEADLINE_MS) throw new Error('the threads hang');
      Atomics.wait(words, Word.Done, done, LOOK_MS);
    }
    const last = this.ends.reduce((latest, end) => (end > latest ? end : latest), start);
    return Number(last - start);
  }
}

function readFailure({ control, failure }: TeamMemory): string | undefined {
  if (Atomics.load(new Int32Array(control), Word.Failed) !== 2) return undefined;
  const bytes = new Uint8Array(failure);
  return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
}
