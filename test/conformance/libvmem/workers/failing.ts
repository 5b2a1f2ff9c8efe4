// Posts errno and the message before and after an error of its own.

import { parentPort } from 'node:worker_threads';
import {
  VMEM_MIN_POOL,
  errno,
  vmem_create_in_region,
  vmem_errormsg,
  vmem_free,
} from '@vmem-ts/vmem-api/libvmem';

const before = [errno(), vmem_errormsg()];
vmem_free(vmem_create_in_region(new ArrayBuffer(VMEM_MIN_POOL), VMEM_MIN_POOL), 12_345);
parentPort!.postMessage([before, [errno(), vmem_errormsg()]]);
