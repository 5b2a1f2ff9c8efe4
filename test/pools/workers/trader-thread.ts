// A trader in a thread of its own.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { randomFrom } from '../../support/random';
import { Ring } from '../../support/ring';
import { Trader } from '../../support/trader';

export interface TraderTask {
  readonly handle: VmemHandle;
  readonly seed: number;
  /** From whom, and to whom. */
  readonly rings: [SharedArrayBuffer, SharedArrayBuffer];
  readonly operations: number;
}

export interface TraderResult {
  readonly sent: number;
  readonly received: number;
}

const { handle, seed, rings, operations } = workerData as TraderTask;
const pool = Vmem.attach(handle);
const trader = new Trader(pool, randomFrom(seed), new Ring(rings[0]), new Ring(rings[1]));
trader.trade(operations);
parentPort!.once('message', () => {
  pool.detach();
  parentPort!.close();
});
parentPort!.postMessage({ sent: trader.sent, received: trader.received } satisfies TraderResult);
