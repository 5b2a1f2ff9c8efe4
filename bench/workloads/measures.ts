// Workloads that are measured as a whole, not by the operation. Each has a twin in native/measures.c.

import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Allocator, Block, Place, Subject } from '../subjects/subject';
import type { Params } from './job';
import { below, next, smallSize } from './random';

/** One value a series; null where there is nothing to measure. */
export type Measure = (subject: Subject, params: Params, dir: string) => Promise<(number | null)[]>;

const now = (): number => Number(process.hrtime.bigint());

/** pool: makes a pool and deletes it. ns */
const measurePool: Measure = async (subject, { poolBytes, slots }, dir) => {
  const start = now();
  const heap = await subject.open({ poolBytes, dir, slots });
  heap.close();
  return [now() - start];
};

/** The last one stands for the sizes of churn. */
export const CAPACITY_SIZES = [8, 16, 64, 100, 256, 1000, 4096, 65536, 1000000, 0] as const;

async function withHeap<T>(subject: Subject, place: Place, use: (heap: Allocator) => T): Promise<T> {
  const heap = await subject.open(place);
  try {
    return use(heap);
  } finally {
    heap.close();
  }
}

/** capacity: the part of a pool that requests of one size can fill. */
const measureCapacity: Measure = async (subject, { poolBytes, seed, slots }, dir) => {
  const values: number[] = [];
  for (const fixed of CAPACITY_SIZES) {
    const filled = await withHeap(subject, { poolBytes, dir, slots }, (heap) => {
      let sum = 0;
      let x = seed;
      for (;;) {
        x = next(x);
        const size = fixed === 0 ? smallSize(x) : fixed;
        if (heap.blocks.malloc(size) === 0) return sum;
        sum += size;
      }
    });
    values.push(filled / poolBytes);
  }
  return values;
};

/** The sizes of each phase: 16 to 1023 bytes as in churn; evenly from 1 KiB to 500 KB; evenly up to 500 KB. */
export const FRAGMENTATION_PHASES = ['small', 'large', 'all'] as const;
/** Bytes that a phase allocates, in pools; the first half lets the blocks of the phase before go. */
const PASSES = 8;
const LARGEST = 500_000;

function sizeInPhase(phase: number, x: number): number {
  if (phase === 0) return smallSize(x);
  const smallest = phase === 1 ? 1024 : 16;
  return smallest + below(x, LARGEST - smallest);
}

/**
 * fragmentation: a pool is kept full while the sizes shift: each time that memory is out, a random block goes. The part
 * of the pool that live blocks take, on average.
 */
const measureFragmentation: Measure = (subject, { poolBytes, seed, slots }, dir) =>
  withHeap(subject, { poolBytes, dir, slots }, (heap) => {
    const blocks: Block[] = [];
    const sizes: number[] = [];
    let live = 0;
    let x = seed;
    return FRAGMENTATION_PHASES.map((_, phase) => {
      let allocated = 0;
      let weighted = 0;
      let counted = 0;
      while (allocated < PASSES * poolBytes) {
        x = next(x);
        const size = sizeInPhase(phase, x);
        const block = heap.blocks.malloc(size);
        if (block === 0) {
          if (blocks.length === 0) throw new Error(`an empty pool has no room for ${size} bytes`);
          x = next(x);
          const victim = below(x, blocks.length);
          heap.blocks.free(blocks[victim]);
          live -= sizes[victim];
          blocks[victim] = blocks.at(-1)!;
          sizes[victim] = sizes.at(-1)!;
          blocks.pop();
          sizes.pop();
          continue;
        }
        blocks.push(block);
        sizes.push(size);
        live += size;
        allocated += size;
        if (allocated > (PASSES / 2) * poolBytes) {
          weighted += live * size;
          counted += size;
        }
      }
      return weighted / counted / poolBytes;
    });
  });

/** What the thread of first-use is told, and what it answers. */
export interface FirstUse {
  readonly subject: string;
  readonly place: Place;
  readonly seed: number;
  readonly share: unknown;
}
export interface FirstUseTimes {
  /** null where every thread makes a heap of its own. */
  readonly attachNs: number | null;
  readonly firstNs: number;
  /** The same operations when V8 has compiled them. */
  readonly warmNs: number;
}

/** first-use: attaching, and the first operations in a thread that is new against the same when it is warm. ns */
const measureFirstUse: Measure = async (subject, { poolBytes, seed, slots }, dir) => {
  const place = { poolBytes, dir, slots };
  const heap = subject.shared?.open(place);
  try {
    const told: FirstUse = { subject: subject.id, place, seed, share: heap?.share() };
    const worker = new Worker(join(__dirname, '../cells/first-use-thread.js'), { workerData: told });
    const { attachNs, firstNs, warmNs } = await new Promise<FirstUseTimes>((resolve, reject) => {
      let answer: FirstUseTimes | undefined;
      worker.once('message', (times: FirstUseTimes) => (answer = times));
      worker.once('error', reject);
      worker.once('exit', () =>
        answer === undefined ? reject(new Error('the thread ended')) : resolve(answer),
      );
    });
    return [attachNs, firstNs, warmNs];
  } finally {
    heap?.close();
  }
};

const CROWD_REPEATS = 200;

function medianTime(repeats: number, time: () => number): number {
  const times = Array.from({ length: repeats }, time).sort((a, b) => a - b);
  return times[repeats >> 1];
}

/** A thread that is attached and does nothing until it is told to end. */
async function idleThread(subject: string, share: unknown): Promise<() => Promise<unknown>> {
  const idle = new Worker(join(__dirname, '../cells/idle-thread.js'), { workerData: { subject, share } });
  await once(idle, 'message');
  return () => {
    const exit = once(idle, 'exit');
    idle.postMessage('end');
    return exit;
  };
}

/** crowd: attaching, and asking in vain for memory; alone, and beside threads that do nothing. ns */
const measureCrowd: Measure = async ({ id, shared }, { threads, poolBytes, slots }, dir) => {
  const heap = shared!.open({ poolBytes, dir, slots });
  const ends: (() => Promise<unknown>)[] = [];
  try {
    const share = heap.share();
    const timeAttach = (): number => {
      const start = now();
      const again = shared!.attach(share);
      const time = now() - start;
      again.close();
      return time;
    };
    const part = poolBytes / 8;
    const timeRefusal = (): number => {
      const start = now();
      if (heap.blocks.malloc(part) !== 0) throw new Error('what was refused is there');
      return now() - start;
    };
    const times = (): number[] => {
      const attach = medianTime(CROWD_REPEATS, timeAttach);
      const parts: Block[] = [];
      for (let block = heap.blocks.malloc(part); block !== 0; block = heap.blocks.malloc(part))
        parts.push(block);
      const refusal = medianTime(CROWD_REPEATS, timeRefusal);
      for (const block of parts) heap.blocks.free(block);
      return [attach, refusal];
    };
    times(); // until V8 has compiled it
    const [attachAlone, refusalAlone] = times();
    const begin = async (): Promise<unknown> => ends.push(await idleThread(id, share));
    await Promise.all(Array.from({ length: threads - 1 }, begin));
    times(); // until the threads have come to rest
    const [attach, refusal] = times();
    return [attachAlone, attach, refusalAlone, refusal];
  } finally {
    await Promise.all(ends.map((end) => end()));
    heap.close();
  }
};

const MEASURES: Readonly<Record<string, Measure>> = {
  pool: measurePool,
  capacity: measureCapacity,
  fragmentation: measureFragmentation,
  'first-use': measureFirstUse,
  crowd: measureCrowd,
};

export function measureNamed(name: string): Measure {
  const measure = MEASURES[name];
  if (measure === undefined) throw new Error(`there is no measure '${name}'`);
  return measure;
}
