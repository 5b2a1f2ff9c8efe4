// Copies a text of so many characters into a pool that has no room for it.

import { VMEM_MIN_POOL, Vmem } from '@vmem-ts/vmem-api';

const pool = Vmem.createInRegion(new SharedArrayBuffer(VMEM_MIN_POOL));
process.stdout.write(String(pool.wcsdup('x'.repeat(Number(process.argv[2])))));
