// Deletes a pool, fills the disk and calls every method of the pool.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VMEM_MIN_POOL, Vmem, type BackendChoice } from '@vmem-ts/vmem-api';
import { everyMethod } from '../../support/every-method';
import { failureOf } from '../../support/thrown';

const [, , dir = '', backend = ''] = process.argv;
const pool = Vmem.create(dir, VMEM_MIN_POOL, { backend: backend as BackendChoice });
const ptr = pool.malloc(64);
pool.delete();
try {
  writeFileSync(join(dir, 'big'), Buffer.alloc(2 ** 25));
} catch {
  // full, as it should be
}
const outcomes = new Set(everyMethod(pool, ptr).map(([, call]) => failureOf(call)));
pool.detach();
pool.delete();
process.stdout.write([...outcomes].join());
