// A case of the corruption fuzz that never ends: the third one.

import { workerData } from 'node:worker_threads';
import type { FuzzTask } from '../corruption/fuzz';

const { cases, progress } = workerData as FuzzTask;

Atomics.store(progress, 0, Math.min(cases, 2));
while (cases > 2) Atomics.wait(progress, 0, 2, 1);
