// Works on pools until it is told to stop, or until it dies.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { randomFrom } from '../../support/random';
import { Board, Order, State, Status } from '../board';
import { dieBy, type Death } from '../deaths';
import { Load, type PoolShare } from '../load';

export interface LoadTask {
  readonly board: SharedArrayBuffer;
  readonly row: number;
  readonly seed: number;
  readonly pools: readonly PoolShare[];
  /** How this thread is to die, and after how many steps. */
  readonly death?: { readonly way: Death; readonly after: number };
}

const STEPS = 64;

const { board: memory, row, seed, pools, death } = workerData as LoadTask;
const board = new Board(memory);
const random = randomFrom(seed);
board.setStatus(row, Status.state, State.running);
const load = new Load(board, row, random);
for (const share of pools) load.add(share);

function obey(): void {
  for (let message = receiveMessageOnPort(parentPort!); message; message = receiveMessageOnPort(parentPort!))
    load.add(message.message as PoolShare);
  if (board.order(Order.pause) === 1 && death === undefined) {
    board.setStatus(row, Status.state, State.paused);
    while (board.order(Order.pause) === 1) Atomics.wait(board.i32, Order.pause, 1, 100);
    board.setStatus(row, Status.state, State.running);
    load.resume();
  }
  load.adapt();
}

if (death !== undefined) {
  for (let n = 0; n < 3 * STEPS; n++) load.step();
  parentPort!.postMessage('ready');
  const step = (): void => {
    load.step();
  };
  dieBy(death.way, death.after, random, step, () => {
    load.writeOff();
  });
}

while (board.status(row, Status.stop) === 0) {
  obey();
  for (let n = 0; n < STEPS; n++) load.step();
}
// its blocks stay, for whoever has the row next
board.setStatus(row, Status.state, State.absent);
const farewell = random(3);
if (farewell === 0) load.detach();
if (farewell === 1) process.exit(0);
parentPort!.close();
