// Attaches, allocates, frees and ends, with or without a farewell.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { failureOf } from '../../support/thrown';

const { handle, leaves } = workerData as { handle: VmemHandle; leaves: boolean };
const outcome = failureOf(() => {
  const pool = Vmem.attach(handle);
  const ptrs = Array.from({ length: 100 }, (_, i) => pool.malloc(i * 50));
  for (const ptr of ptrs) pool.free(ptr);
  if (leaves) pool.detach();
});
parentPort!.postMessage(outcome);
