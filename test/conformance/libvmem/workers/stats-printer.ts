// Prints a pool's statistics, without the parts whose letters are named.

import { VMEM_MIN_POOL, vmem_create_in_region, vmem_stats_print } from '@vmem-ts/vmem-api/libvmem';

const region = new SharedArrayBuffer(VMEM_MIN_POOL);
vmem_stats_print(vmem_create_in_region(region, VMEM_MIN_POOL), process.argv[2]);
