// Uses no pool. It measures how long the machine lets a busy thread stand still, watches the locks, and finds threads that hang.

import { writeSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { ACTIONS, Board, CONTROL_ROW, Figure, MAIN_ROW, Order, State, Status } from '../board';
import type { PoolShare } from '../load';
import { LockWatch } from '../lock-watch';
import { describeLocks, lockWordsOf } from '../lock-words';
import { Meter } from '../meter';

export interface ControlTask {
  readonly board: SharedArrayBuffer;
  readonly hangMs: number;
}

const { board: memory, hangMs } = workerData as ControlTask;
const board = new Board(memory);
const meter = new Meter(board, CONTROL_ROW);
const locks = new LockWatch(board, CONTROL_ROW);
let pools: PoolShare[] = [];
/** What each thread had done when it was seen to move last, and when. */
const seen = Array.from({ length: MAIN_ROW + 1 }, () => ({ done: -1, at: 0 }));
const own = new Int32Array(64);

function work(): void {
  for (let i = 0; i < 400; i++) own[i & 63] = Math.imul(own[(i * 7) & 63], 31) + i;
  meter.end();
}

function findHanging(now: number): number[] {
  return seen.flatMap((last, row) => {
    const done = board.figure(row, Figure.operations);
    if (done !== last.done || board.status(row, Status.state) !== State.running) {
      last.done = done;
      last.at = now;
    }
    return row !== CONTROL_ROW && now - last.at > hangMs ? [row] : [];
  });
}

function describe(rows: readonly number[]): string {
  const threads = rows.map((row) => {
    const name = row === MAIN_ROW ? 'the main thread' : `worker ${row}`;
    return `${name} hangs in ${ACTIONS[board.status(row, Status.action)]}`;
  });
  const locks = pools.flatMap(({ id, handle: { buffer, byteOffset } }) =>
    buffer === undefined
      ? []
      : [`pool ${id}:`, ...describeLocks(buffer, byteOffset).map((line) => `  ${line}`)],
  );
  return [...threads, ...locks].join('\n');
}

function adopt(shares: PoolShare[]): void {
  pools = shares;
  locks.watch(
    shares.flatMap(({ handle: { buffer, byteOffset } }) =>
      buffer === undefined ? [] : [lockWordsOf(buffer, byteOffset)],
    ),
  );
}

for (let looked = 0, watched = 0; board.status(CONTROL_ROW, Status.stop) === 0;) {
  work();
  const now = performance.now();
  if (now - watched >= 1) {
    watched = now;
    locks.look(now);
    meter.start();
  }
  if (now - looked < 200) continue;
  looked = now;
  for (let message = receiveMessageOnPort(parentPort!); message; message = receiveMessageOnPort(parentPort!))
    adopt(message.message as PoolShare[]);
  const hanging = findHanging(now);
  if (hanging.length > 0 && board.order(Order.hung) === 0) {
    const text = describe(hanging);
    writeSync(2, `${text}\n`); // the main thread may hang itself
    board.setOrder(Order.hung, 1);
    parentPort!.postMessage(text);
  } else if (hanging.includes(MAIN_ROW) && now - seen[MAIN_ROW].at > 2 * hangMs) {
    process.kill(process.pid, 'SIGKILL'); // nothing else ends a process whose main thread hangs
  }
  meter.start();
}
parentPort!.close();
