// A thread that forks a pool, hears what the new process says of it, and thaws the pool.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type ForkMode, type VmemHandle } from '@vmem-ts/vmem-api';
import { Forked } from '../../support/forked-process';

const { handle, table, mode } = workerData as { handle: VmemHandle; table: number; mode: ForkMode };

async function main(): Promise<void> {
  const pool = Vmem.attach(handle);
  const child = Forked.of(pool, { mode });
  const answer = await child.ask({ table, work: table });
  await child.end();
  pool.thaw();
  pool.detach();
  parentPort!.postMessage(answer);
}

void main();
