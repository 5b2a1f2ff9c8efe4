// Calls vmem_malloc and vmem_free until V8 has compiled the loop.

import { VMEM_MIN_POOL, vmem_create_in_region, vmem_free, vmem_malloc } from '@vmem-ts/vmem-api/libvmem';

const vmp = vmem_create_in_region(new SharedArrayBuffer(VMEM_MIN_POOL), VMEM_MIN_POOL);

function hotCaller(rounds: number): void {
  for (let i = 0; i < rounds; i++) vmem_free(vmp, vmem_malloc(vmp, 64));
}

for (let i = 0; i < 100; i++) hotCaller(1000);
