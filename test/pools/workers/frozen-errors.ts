// A program that freezes what its errors inherit from.

import { VMEM_MIN_POOL, Vmem } from '@vmem-ts/vmem-api';
import * as lib from '@vmem-ts/vmem-api/libvmem';
import { failureOf } from '../../support/thrown';

Object.freeze(Error.prototype);
const pool = Vmem.create(process.argv[2], VMEM_MIN_POOL);
const ptr = pool.malloc(8);
pool.free(ptr);
const failures = [
  failureOf(() => pool.free(ptr)),
  failureOf(() => Vmem.create('/no/such/directory', VMEM_MIN_POOL)),
  lib.vmem_create('/no/such/directory', VMEM_MIN_POOL) === null ? 'null' : 'a pool',
  lib.vmem_errormsg(),
];
process.stdout.write(JSON.stringify(failures));
