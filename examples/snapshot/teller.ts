// A thread that moves money between its accounts, all the time.

import { workerData } from 'node:worker_threads';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { Ledger } from './ledger';
import { Turnstile } from './turnstile';

export interface TellerTask {
  readonly handle: VmemHandle;
  readonly table: number;
  readonly accounts: number;
  readonly turnstile: SharedArrayBuffer;
  /** The account numbers that are `index` modulo `tellers` are this thread's. */
  readonly index: number;
  readonly tellers: number;
  /** Transfers made by each thread. */
  readonly counts: Int32Array;
}

const { handle, table, accounts, turnstile, index, tellers, counts } = workerData as TellerTask;
const pool = Vmem.attach(handle);
const ledger = Ledger.at(pool, table, accounts);
const gate = Turnstile.of(turnstile);

const mine = Math.floor((accounts - index - 1) / tellers) + 1;
const anyOfMine = (): number => index + tellers * Math.floor(Math.random() * mine);

while (!gate.isOver) {
  gate.pass(() => {
    const from = anyOfMine();
    const to = anyOfMine();
    if (from !== to) ledger.transfer(from, to, 1 + Math.floor(Math.random() * 100));
  });
  Atomics.add(counts, index, 1);
}
pool.detach();
