// Waits at a word of the pool until another thread has written to it, and passes the turn on at the next word.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';

export interface WaitTask {
  readonly handle: VmemHandle;
  readonly ptr: number;
  readonly word: number;
}

const { handle, ptr, word } = workerData as WaitTask;
const pool = Vmem.attach(handle);
const words = pool.view(Int32Array, ptr, 16);
parentPort!.postMessage('waiting');
const outcome = Atomics.wait(words, word, 0, 60_000);
const block = pool.alloc(Uint8Array, 1000).fill(word);
Atomics.store(words, word + 1, block.byteOffset - pool.byteOffset);
Atomics.notify(words, word + 1);
parentPort!.postMessage(outcome);
pool.detach();
