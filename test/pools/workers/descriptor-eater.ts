// Opens files until there is no descriptor left, then makes a pool.

import { closeSync, openSync, readdirSync } from 'node:fs';
import { VMEM_MIN_POOL, Vmem } from '@vmem-ts/vmem-api';
import { failureOf } from '../../support/thrown';

const dir = process.argv[2];
const create = (): void => Vmem.create(dir, VMEM_MIN_POOL).delete();
create();
const before = readdirSync('/proc/self/fd').length;
const eaten: number[] = [];
try {
  for (;;) eaten.push(openSync('/dev/null', 'r'));
} catch {
  // full
}
const full = failureOf(create);
for (const fd of eaten) closeSync(fd);
const leaked = readdirSync('/proc/self/fd').length - before;
process.stdout.write(JSON.stringify({ full, leaked, then: failureOf(create) }));
