// Maps a file some times and keeps the buffers; gives the memory of the last one to the main thread if told to.
import { parentPort, workerData } from 'node:worker_threads';
import { mapFile } from '@vmem-ts/mmap-helper';

interface Task {
  fd: number;
  count: number;
  length: number;
  transfer?: boolean;
}
const { fd, count, length, transfer } = workerData as Task;
const buffers = Array.from({ length: count }, () => mapFile(fd, 0, length, 'shared'));
for (const buffer of buffers) new Uint8Array(buffer)[0] = 1;
if (transfer) {
  const moved = (buffers[count - 1] as ArrayBuffer & { transfer(): ArrayBuffer }).transfer();
  parentPort!.postMessage(moved, [moved]);
} else {
  parentPort!.postMessage('mapped');
}
parentPort!.once('message', () => process.exit());
