// A thread that ends where it would write to the pool's file what was changed since the pool was frozen.

import fs from 'node:fs';
import { workerData } from 'node:worker_threads';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';

fs.writeSync = () => process.exit(3);
Vmem.attach(workerData as VmemHandle).thaw();
