// One thread of a team.

import { parentPort, workerData } from 'node:worker_threads';
import { subjectNamed } from '../subjects/subjects';
import { jobNamed } from '../workloads/jobs';
import { Order, Word, reportFailure, type ThreadTask } from './team';
import { VerifiedAllocator } from './verified';

const task = workerData as ThreadTask;
const { memory, params, thread, threads } = task;
const words = new Int32Array(memory.control);

function requireOthers(): void {
  if (Atomics.load(words, Word.Failed) !== 0) throw new Error('another thread has failed');
}

async function main(): Promise<void> {
  const subject = subjectNamed(task.subject);
  const opened = subject.shared?.attach(task.share) ?? (await subject.open(task.place));
  const heap = task.verified ? new VerifiedAllocator(opened, thread) : opened;
  const shared = new Int32Array(memory.shared);
  const job = jobNamed(task.job)({ heap, params, thread, threads, shared, requireOthers });
  const counts = new Float64Array(memory.counts);
  const ends = new BigInt64Array(memory.ends);
  parentPort?.postMessage('prepared');
  for (let seen = 0; ; seen++) {
    while (Atomics.load(words, Word.Release) === seen) Atomics.wait(words, Word.Release, seen);
    const order = words[Word.Order] as Order;
    if (order === Order.Run) counts[thread] = job.run(words[Word.Operations]);
    else job.finish();
    ends[thread] = process.hrtime.bigint();
    if (order === Order.Finish) opened.close();
    Atomics.add(words, Word.Done, 1);
    Atomics.notify(words, Word.Done);
    if (order === Order.Finish) return;
  }
}

main().catch((error: unknown) => {
  reportFailure(memory, error);
});
