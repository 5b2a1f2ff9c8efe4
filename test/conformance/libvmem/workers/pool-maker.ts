// Makes and deletes pools of both forms in turn; posts what went wrong.

import { parentPort, workerData } from 'node:worker_threads';
import {
  VMEM_MIN_POOL,
  vmem_create,
  vmem_create_in_region,
  vmem_delete,
  vmem_errormsg,
  vmem_free,
  vmem_malloc,
  type VMEM,
} from '@vmem-ts/vmem-api/libvmem';

const { dir, pools: count, rounds } = workerData as { dir: string; pools: number; rounds: number };
const region = new SharedArrayBuffer(VMEM_MIN_POOL);
const pools: VMEM[] = [];

function work(): string {
  for (let i = 0; i < count * rounds; i++) {
    if (i >= count) vmem_delete(pools[i % count]);
    const vmp =
      i % count === 0 ? vmem_create_in_region(region, VMEM_MIN_POOL) : vmem_create(dir, VMEM_MIN_POOL);
    if (vmp === null) return vmem_errormsg();
    pools[i % count] = vmp;
    const ptr = vmem_malloc(vmp, 8);
    if (ptr === 0) return vmem_errormsg();
    vmem_free(vmp, ptr);
  }
  for (const vmp of pools) vmem_delete(vmp);
  return vmem_errormsg();
}

parentPort!.postMessage(work());
