// Makes pools as a user who owns neither directory: one is closed to others, the other one is open.

import { readdirSync } from 'node:fs';
import { VMEM_MIN_POOL, Vmem } from '@vmem-ts/vmem-api';
import { failureOf } from '../../support/thrown';

const [, , closedDir = '', openDir = ''] = process.argv;
const NOBODY = 65534;
process.setgid!(NOBODY);
process.setuid!(NOBODY);
const create = (dir: string): string => failureOf(() => Vmem.create(dir, VMEM_MIN_POOL).delete());
const before = readdirSync('/proc/self/fd').length;
const closed = create(closedDir);
const open = create(openDir);
const leaked = readdirSync('/proc/self/fd').length - before;
process.stdout.write(JSON.stringify({ closed, open, leaked }));
