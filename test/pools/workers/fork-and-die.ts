// Forks a pool and ends at once; what it has started goes on alone.

import { resolve } from 'node:path';
import { Vmem, type ForkMode } from '@vmem-ts/vmem-api';
import { writeTable } from '../../support/pool-contents';

const [, , dir = '', mode = ''] = process.argv;
const pool = Vmem.create(dir, 14 << 20, { backend: 'overlay' });
const table = writeTable(pool, 500, (i) => 100 + i);
const child = pool.fork(resolve(__dirname, 'orphan.js'), [String(table)], {
  mode: Number(mode) as ForkMode,
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
// it has been loaded, and waits
child.once('message', () => process.exit(0));
