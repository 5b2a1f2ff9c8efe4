/* Lends parts of a memory and ends, with one part that it was about to lend and one that it was about to free. */
import { parentPort, workerData } from 'node:worker_threads';
import { openLending } from '@vmem-ts/mmap-helper';

const { memory, length, desk, end } = workerData as {
  memory: SharedArrayBuffer;
  length: number;
  desk: { byteOffset: number; length: number };
  end: string;
};

const lending = openLending(memory, 0, length, desk);
const kept = [lending.lend(20000, 100), lending.lend(30000, 100)];
lending.desk[0] = 40000;
lending.desk[3] = 50000;
parentPort!.postMessage('lent');
if (end === 'exit') process.exit(kept.length);
// when its message has been heard: an error may overtake it
if (end === 'throw')
  parentPort!.once('message', () => {
    throw new Error('as it should');
  });
if (end === 'terminate') setInterval(() => kept, 1000);
