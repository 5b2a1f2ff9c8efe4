// Allocates every second unit of a file behind its end, until the disk is full; answers with the end of the last one.
import { parentPort, workerData } from 'node:worker_threads';
import { allocateFile } from '@vmem-ts/mmap-helper';

const { fd, first, step, unit } = workerData as Record<'fd' | 'first' | 'step' | 'unit', number>;
let end = 0;
let failures = 0;
for (let index = first; failures < 200;) {
  try {
    allocateFile(fd, index * unit, unit);
    end = (index + 1) * unit;
    index += step;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOSPC') throw error;
    failures++;
  }
}
parentPort!.postMessage(end);
