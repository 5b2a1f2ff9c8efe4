// Makes pools as a user who owns neither directory: one is closed to others, the other one is open.

import { getSystemErrorName } from 'node:util';
import { VMEM_MIN_POOL, errno, vmem_create } from '@vmem-ts/vmem-api/libvmem';

const NOBODY = 65534;
process.setgid!(NOBODY);
process.setuid!(NOBODY);
const failures = process.argv
  .slice(2)
  .map((dir) => (vmem_create(dir, VMEM_MIN_POOL) === null ? getSystemErrorName(-errno()) : 'none'));
process.stdout.write(failures.join());
