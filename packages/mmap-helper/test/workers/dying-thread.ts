// Leaves a last will and ends in the way it is told.
import { parentPort, workerData } from 'node:worker_threads';
import { onThreadDeath } from '@vmem-ts/mmap-helper';
import type { DeathWord } from '@vmem-ts/mmap-helper';

export interface DeathTask {
  end: 'return' | 'exit' | 'throw' | 'reject' | 'terminate' | 'out of memory';
  buffer: ArrayBufferLike;
  /** How many watches; 1 if left out. */
  watches?: number;
  cancel?: boolean;
  /** Cancels one of so many; each if left out. */
  cancelEvery?: number;
  /** Another watch, of an ArrayBuffer that is transferred away before the end. */
  detachOther?: boolean;
}

const { end, buffer, watches = 1, cancel = false, cancelEvery = 1, detachOther } = workerData as DeathTask;
const words: DeathWord[] = [
  { byteOffset: 0, op: 'store', value: -5 },
  { byteOffset: 4, op: 'add', value: 7 },
];
for (let index = 0; index < watches; index++) {
  const watch = onThreadDeath(buffer, words);
  if (cancel && index % cancelEvery === 0) watch.cancel();
}
if (detachOther) {
  const other = new ArrayBuffer(4096);
  onThreadDeath(other, words);
  structuredClone(other, { transfer: [other] });
}

/** In small pieces: large ones can take Node 24 down as a whole, and go unnoticed by Node 26. */
function fillMemory(): never {
  let hoard: unknown = null;
  for (;;) hoard = { hoard, piece: [1, 2, 3] };
}

switch (end) {
  case 'return':
    break;
  case 'exit':
    process.exit(7);
    break;
  case 'throw':
    throw new Error('not caught');
  case 'reject':
    void Promise.reject(new Error('not handled'));
    break;
  case 'terminate':
    parentPort!.postMessage('ready');
    for (;;);
  case 'out of memory':
    fillMemory();
}
