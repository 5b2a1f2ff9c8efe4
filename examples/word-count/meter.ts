// Time and memory that one way of counting takes, from `new` to `read`. Whichever comes second finds memory that the
// process has already, so its growth comes out somewhat too small; here that is the way without the pool.

import { getHeapStatistics } from 'node:v8';

export interface Measurement {
  readonly milliseconds: number;
  /** Bytes by which the process's resident memory rose above where it was, at its highest: heaps, pool, everything. */
  readonly peakResident: number;
  /** Bytes of the largest heap that each worker had, added up. */
  readonly workerHeaps: number;
  /** Bytes of V8's heap of the main thread, at its highest. */
  readonly mainHeap: number;
}

const INTERVAL_MS = 10;

export class Meter {
  private readonly begun = performance.now();
  private readonly residentBefore = process.memoryUsage.rss();
  private readonly timer = setInterval(() => this.sample(), INTERVAL_MS).unref();
  private resident = 0;
  private mainHeap = 0;
  private workerHeaps = 0;

  /** Looks how much memory is in use now; done by itself while the main thread is idle. */
  sample(): void {
    this.resident = Math.max(this.resident, process.memoryUsage.rss());
    this.mainHeap = Math.max(this.mainHeap, heapSize());
  }

  addWorker(peakHeap: number): void {
    this.workerHeaps += peakHeap;
    this.sample();
  }

  read(): Measurement {
    this.sample();
    clearInterval(this.timer);
    return {
      milliseconds: performance.now() - this.begun,
      peakResident: this.resident - this.residentBefore,
      workerHeaps: this.workerHeaps,
      mainHeap: this.mainHeap,
    };
  }
}

/** Bytes that V8 has for this thread's objects and array buffers. */
export function heapSize(): number {
  const { total_heap_size, external_memory } = getHeapStatistics();
  return total_heap_size + external_memory;
}
