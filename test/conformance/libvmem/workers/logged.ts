// Does some of everything, with failures among it, in as many threads as it is told, one after the other.
// LOGGED_OUTCOMES=1 prints what the calls return, LOGGED_PRINT=1 has the log printed to stdout.

import { writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Worker, workerData } from 'node:worker_threads';
import {
  VMEM_MIN_POOL,
  errno,
  vmem_aligned_alloc,
  vmem_attach,
  vmem_calloc,
  vmem_check,
  vmem_check_version,
  vmem_create,
  vmem_create_in_region,
  vmem_delete,
  vmem_detach,
  vmem_free,
  vmem_malloc,
  vmem_malloc_usable_size,
  vmem_realloc,
  vmem_set_funcs,
  vmem_stats_print,
  vmem_strdup,
  vmem_wcsdup,
} from '@vmem-ts/vmem-api/libvmem';

const isAsked = (name: string): boolean => process.env[name] === '1';

const print = isAsked('LOGGED_PRINT') ? (text: string): void => void writeSync(1, text) : null;
vmem_set_funcs(null, null, null, null, print);

const outcomes: unknown[] = [];
const region = new SharedArrayBuffer(VMEM_MIN_POOL);
const vmp = vmem_create_in_region(region, VMEM_MIN_POOL)!;
const ptr = vmem_malloc(vmp, 100);
const copy = vmem_strdup(vmp, 'text');
outcomes.push(ptr, copy, vmem_wcsdup(vmp, copy), vmem_calloc(vmp, 2, 50), vmem_aligned_alloc(vmp, 64, 64));
outcomes.push(vmem_realloc(vmp, ptr, 200), vmem_malloc_usable_size(vmp, copy), vmem_check(vmp));
vmem_free(vmp, copy);
vmem_free(vmp, copy);
outcomes.push(errno(), vmem_malloc(vmp, 2 * VMEM_MIN_POOL), errno(), vmem_malloc(null, 1), errno());
outcomes.push(vmem_create(`${tmpdir()}/no\nsuch`, VMEM_MIN_POOL), errno(), vmem_check_version(9, 9));
const again = vmem_attach(vmp.handle);
vmem_stats_print(vmp, null);
vmem_detach(again);
vmem_delete(vmp);

const damaged = vmem_create_in_region(region, VMEM_MIN_POOL)!;
for (let i = 0; i < 100; i++) vmem_malloc(damaged, 1000 * i);
new Uint8Array(region, 40_000, 20_000).fill(0xff);
outcomes.push(vmem_check(damaged));
vmem_delete(damaged);

if (isAsked('LOGGED_OUTCOMES')) writeSync(1, JSON.stringify(outcomes));
const threads = (workerData as number | null) ?? Number(process.argv[2]);
if (threads > 1) new Worker(__filename, { workerData: threads - 1 });
