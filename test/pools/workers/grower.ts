// Allocates so much that the pool has to grow, writes into every block, and looks at all of them at the end.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { randomFrom } from '../../support/random';
import { failureOf } from '../../support/thrown';

export interface GrowerTask {
  readonly handle: VmemHandle;
  readonly seed: number;
  /** To allocate. */
  readonly bytes: number;
  /** Now and then, and free more. */
  readonly purges?: boolean;
}

export interface GrowerResult {
  readonly bytes: number;
  /** Times that memory was out. */
  readonly refused: number;
  /** Blocks that somebody else has written to. */
  readonly damaged: number;
  readonly failure: string;
}

const { handle, seed, bytes: wanted, purges = false } = workerData as GrowerTask;
const random = randomFrom(seed);
const pool = Vmem.attach(handle);
const blocks: Int32Array[] = [];
let bytes = 0;
let refused = 0;

function grow(): void {
  while (bytes < wanted && refused < 1000) {
    const size = 8 + random(random(10) === 0 ? 500_000 : 5000);
    const ptr = random(3) === 0 ? pool.calloc(1, size) : pool.malloc(size);
    if (ptr === 0) {
      refused++;
      continue;
    }
    const words = new Int32Array(pool.buffer, pool.byteOffset + ptr, size >> 2);
    blocks.push(words.fill(ptr / 8));
    bytes += size;
    if (purges && random(200) === 0) pool.purge();
    if (random(4) === 0 || (purges && random(2) === 0)) pool.free(blocks.splice(random(blocks.length), 1)[0]);
  }
}

const isWhole = (words: Int32Array): boolean =>
  words.every((word) => word === (words.byteOffset - pool.byteOffset) / 8);

parentPort!.on('message', (question: string) => {
  if (question === 'leave') {
    for (const block of blocks) pool.free(block);
    pool.detach();
    parentPort!.postMessage(0);
    parentPort!.close();
    return;
  }
  const failure = failureOf(grow);
  const damaged = failure === 'none' ? blocks.filter((block) => !isWhole(block)).length : 0;
  parentPort!.postMessage({ bytes, refused, damaged, failure } satisfies GrowerResult);
});
parentPort!.postMessage('ready');
