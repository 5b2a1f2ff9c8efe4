// Makes a pool, hands it over and ends.

import { tmpdir } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type BackendChoice } from '@vmem-ts/vmem-api';

const { backend, size } = workerData as { backend: BackendChoice; size: number };
const pool = Vmem.create(tmpdir(), size, { backend });
pool.malloc(1000);
parentPort!.postMessage(pool.handle);
