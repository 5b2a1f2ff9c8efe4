// A row's job with all its threads one after the other in this one, verified as the bench does before it measures.

import { VerifiedAllocator } from '../../cells/verified';
import type { Allocator } from '../../subjects/subject';
import { SHARED_WORDS } from '../../workloads/job';
import { jobNamed } from '../../workloads/jobs';
import type { Row } from '../../workloads/rows';

const SLOTS_AT_MOST = 200;
const HOLES_AT_MOST = 50;
/** Fewer than a ring holds: nobody is there to take them out meanwhile. */
const OPERATIONS = 500;
const RUNS = 4;

/** @returns the count of operations that the threads said they did */
export function runVerified(row: Row, heap: Allocator): number {
  const { slots, holes, threads } = row.params;
  const params = {
    ...row.params,
    slots: Math.min(slots, SLOTS_AT_MOST),
    holes: Math.min(holes, HOLES_AT_MOST),
  };
  const shared = new Int32Array(new SharedArrayBuffer(SHARED_WORDS * 4));
  const requireOthers = (): void => {
    throw new Error('a thread waits for another one');
  };
  const prepare = jobNamed(row.job);
  const jobs = Array.from({ length: threads }, (_, thread) =>
    prepare({ heap: new VerifiedAllocator(heap, thread), params, thread, threads, shared, requireOthers }),
  );
  let count = 0;
  for (let run = 0; run < RUNS; run++) for (const job of jobs) count += job.run(OPERATIONS);
  for (const job of jobs) job.finish();
  return count;
}
