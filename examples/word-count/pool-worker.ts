// Counts in the table that all workers share. The text, too, is in a block of the pool while it is worked on.

import { workerData } from 'node:worker_threads';
import { Vmem, VmemError, type VmemHandle } from '@vmem-ts/vmem-api';
import { doJob, type Job } from './job';
import { SharedCountTable, type CountTableHandle } from './shared-count-table';
import { scanWords } from './tokenizer';

export interface PoolJob extends Job {
  readonly pool: VmemHandle;
  readonly table: CountTableHandle;
}

const job = workerData as PoolJob;

doJob(job, () => {
  const pool = Vmem.attach(job.pool);
  const table = SharedCountTable.attach(pool, job.table);
  const countWord = table.add.bind(table);
  let block = 0;
  const release = (): void => {
    pool.free(block);
    block = 0;
  };
  return {
    makeRoom(bytes) {
      const larger = pool.realloc(block, bytes);
      if (larger === 0) throw new VmemError('ENOMEM', `no memory for ${bytes} bytes of text`);
      block = larger;
      return Buffer.from(pool.buffer, pool.byteOffset + block, bytes);
    },
    count: ({ bytes, start, end }) => scanWords(bytes, start, end, countWord),
    release,
    close() {
      release();
      pool.detach();
    },
  };
});
