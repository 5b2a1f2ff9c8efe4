// Does some of everything, with failures among it, in as many threads as it is told, one after the other. Prints what the
// calls return.

import { writeSync } from 'node:fs';
import { Worker, workerData } from 'node:worker_threads';
import * as C from '@vmem-ts/vmem-api/vmmalloc';

const out = { value: 0 };
const ptr = C.malloc(4321);
const outcomes = [ptr, C.calloc(2, 50), C.realloc(ptr, 5000), C.posix_memalign(out, 64, 100), out.value];
outcomes.push(C.aligned_alloc(128, 200), C.memalign(256, 300), C.valloc(400), C.pvalloc(500));
outcomes.push(C.malloc_usable_size(out.value));
C.free(out.value);
C.free(out.value);
outcomes.push(C.errno(), C.malloc(2 ** 40), C.errno(), C.malloc('a\nb' as never), C.errno());
C.cfree(outcomes[1]);
writeSync(1, `${JSON.stringify(outcomes)}\n`);

const threads = (workerData as number | null) ?? Number(process.argv[2]);
if (threads > 1) new Worker(__filename, { workerData: threads - 1 });
else if (process.argv[3] === 'throw') throw new Error('uncaught');
else if (process.argv[3] === 'exit') process.exit(3);
