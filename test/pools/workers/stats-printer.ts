// Prints a pool's statistics once for each argument.

import { VMEM_MIN_POOL, Vmem, type BackendChoice, type BackendName } from '@vmem-ts/vmem-api';

const [, , dir = '', name = '', ...omissions] = process.argv;
const pool =
  (name as BackendName) === 'region'
    ? Vmem.createInRegion(new SharedArrayBuffer(VMEM_MIN_POOL))
    : Vmem.create(dir, VMEM_MIN_POOL, { backend: name as BackendChoice });
for (const size of [10, 1000, 100_000]) pool.malloc(size);
for (const omit of omissions) pool.statsPrint(...(omit === '' ? [] : [omit]));
