// Makes a pool, fills a part of it and waits to be killed.

import { Vmem, type BackendChoice } from '@vmem-ts/vmem-api';

const [, , dir = '', size = '', backend = 'auto'] = process.argv;
const pool = Vmem.create(dir, Number(size), { backend: backend as BackendChoice });
pool.alloc(Uint8Array, 2 ** 20).fill(7);
process.stdout.write('ready');
setInterval(() => {}, 1000);
