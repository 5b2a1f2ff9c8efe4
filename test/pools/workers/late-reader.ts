// Deletes a pool, fills the disk and touches what is left of the pool.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VMEM_MIN_POOL, Vmem, type BackendChoice } from '@vmem-ts/vmem-api';
import type { Thrown } from '../../support/thrown';

const [, , dir = '', backend = ''] = process.argv;
const pool = Vmem.create(dir, VMEM_MIN_POOL, { backend: backend as BackendChoice });
const view = pool.alloc(Uint8Array, 2 ** 20).fill(3);
pool.delete();
try {
  writeFileSync(join(dir, 'big'), Buffer.alloc(2 ** 25));
} catch {
  // full, as it should be
}
try {
  pool.malloc(8);
} catch (error) {
  process.stdout.write(`${(error as Thrown).code} `);
}
process.stdout.write(String(view[0]));
