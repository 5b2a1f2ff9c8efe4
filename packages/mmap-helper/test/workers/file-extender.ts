// Adds to a file at its end, over and over, and counts how often what it had added was gone again.
import { parentPort, workerData } from 'node:worker_threads';
import { allocateFile, fileInfo } from '@vmem-ts/mmap-helper';

interface Task {
  fd: number;
  /** Not 0 any more: give up. */
  stop: Int32Array;
  length: number;
  /** How many additions must succeed. */
  attempts?: number;
}

const { fd, stop, length, attempts = Infinity } = workerData as Task;
parentPort!.postMessage('starting');
let allocated = 0;
let lost = 0;
while (allocated < attempts && Atomics.load(stop, 0) === 0) {
  const end = (allocated + 1) * length;
  try {
    allocateFile(fd, end - length, length);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOSPC') throw error;
    continue; // the other one has it all for a moment
  }
  allocated++;
  if (fileInfo(fd).size < end) lost++;
}
parentPort!.postMessage({ allocated, lost });
