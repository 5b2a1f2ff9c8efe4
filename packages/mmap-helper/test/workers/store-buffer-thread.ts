// One side of the litmus test of store buffers. Each round, each side writes its own word and reads the other's; the
// values are the round's number, so that nothing need be reset.
import { parentPort, workerData } from 'node:worker_threads';
import { threadBarrier } from '@vmem-ts/mmap-helper';

export interface StoreBufferTask {
  readonly side: 'fast' | 'slow';
  readonly buffer: SharedArrayBuffer;
  /** Whether the slow side has a barrier between its write and its read. */
  readonly hasBarrier: boolean;
  readonly rounds: number;
  readonly milliseconds: number;
}

export interface StoreBufferResult {
  readonly rounds: number;
  /** Rounds in which neither side saw the other. */
  readonly bothMissed: number;
  readonly refused: number;
}

// 256 bytes apart: each in a cache line of its own, and out of the prefetcher's reach
const enum Word {
  go = 0,
  done = 64,
  x = 128,
  y = 192,
  fastSaw = 256,
}

const OVER = -1;

const { side, buffer, hasBarrier, rounds, milliseconds } = workerData as StoreBufferTask;
const words = new Int32Array(buffer, 0, 512);

function fastSide(): void {
  for (let round = 1; ; round++) {
    let go = words[Word.go];
    while (go !== round && go !== OVER) go = words[Word.go];
    if (go === OVER) return;
    words[Word.x] = round;
    const saw = words[Word.y];
    words[Word.fastSaw] = saw;
    Atomics.store(words, Word.done, round);
  }
}

function slowSide(): StoreBufferResult {
  const end = performance.now() + milliseconds;
  let [bothMissed, refused, round] = [0, 0, 0];
  while (round < rounds && performance.now() < end) {
    round++;
    Atomics.store(words, Word.go, round);
    for (let delay = (round * 7) % 151; delay > 0; delay--) if (words[Word.x] === OVER) return fail();
    words[Word.y] = round;
    if (hasBarrier && !threadBarrier()) refused++;
    const saw = words[Word.x];
    while (Atomics.load(words, Word.done) !== round);
    if (saw !== round && words[Word.fastSaw] !== round) bothMissed++;
  }
  Atomics.store(words, Word.go, OVER);
  return { rounds: round, bothMissed, refused };
}

function fail(): never {
  throw new Error('nobody writes this');
}

if (side === 'fast') fastSide();
else parentPort!.postMessage(slowSide());
