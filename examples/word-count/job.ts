// A worker's part of either way of counting: take pieces until none is left, and report.

import { parentPort } from 'node:worker_threads';
import { heapSize } from './meter';
import { PieceQueue } from './piece-queue';
import { readPiece, type MakeRoom, type Piece, type PieceText } from './pieces';

/** Part of what a worker is started with. */
export interface Job {
  readonly pieces: readonly Piece[];
  /** Of the `PieceQueue`. */
  readonly queue: SharedArrayBuffer;
}

/** What a worker that has come to its end says. */
export type JobReport = JobDone | JobFailed;

export interface JobDone {
  readonly kind: 'done';
  readonly words: number;
  /** Bytes of text. */
  readonly bytes: number;
  /** Bytes, the most that V8 had for this worker's objects and array buffers. */
  readonly peakHeap: number;
  /** Where each worker counts for itself. */
  readonly counts?: ReadonlyMap<string, number>;
}

export interface JobFailed {
  readonly kind: 'failed';
  /** In the manner of errno. */
  readonly code: string;
  readonly message: string;
  /** The file that was being worked on. */
  readonly path: string | undefined;
}

/** What differs between the two ways. */
export interface Counter {
  readonly makeRoom: MakeRoom;
  /** Counts the words of the text and returns how many they are. */
  count(text: PieceText): number;
  /** The piece is done: its text is not needed any more. */
  release?(): void;
  /** The worker is done. */
  close?(): void;
  readonly counts?: ReadonlyMap<string, number>;
}

export function doJob(job: Job, open: () => Counter): void {
  const queue = new PieceQueue(job.pieces.length, job.queue);
  let counter: Counter | undefined;
  let piece: Piece | undefined;
  let words = 0;
  let bytes = 0;
  let peakHeap = 0;
  try {
    counter = open();
    for (let next = queue.take(); next !== undefined; next = queue.take()) {
      piece = job.pieces[next];
      const text = readPiece(piece, counter.makeRoom);
      words += counter.count(text);
      bytes += text.end - text.start;
      counter.release?.();
      peakHeap = Math.max(peakHeap, heapSize());
    }
    const { counts } = counter;
    report({ kind: 'done', words, bytes, peakHeap, ...(counts && { counts }) });
  } catch (error) {
    queue.stop(); // there will be no result, so the others need not go on
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error; // not a failure but a defect
    report({ kind: 'failed', code, message, path: piece?.path });
  } finally {
    counter?.close?.();
  }
}

function report(message: JobReport): void {
  parentPort!.postMessage(message);
}
