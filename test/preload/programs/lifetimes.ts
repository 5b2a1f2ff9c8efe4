// Buffers of all kinds that live and die at random, many times the pool's size, each filled with a number of its own that
// must be there as long as any view on it is. Prints how many blocks are left when all are dropped.
//
// Arguments: seed, how many times the pool's size, workers that do the same, how many turns of the event loop per thousand
// buffers, and whether the workers are terminated on their way.

import { setImmediate, setTimeout } from 'node:timers/promises';
import { Worker, isMainThread, parentPort, threadId, workerData } from 'node:worker_threads';
import { pool } from '@vmem-ts/vmem-api/vmmalloc';
import { collectUntil, liveBlocks } from './in-pool';

interface Task {
  readonly seed: number;
  readonly times: number;
  readonly turns: number;
}

let state = 1;
function below(n: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}

interface Held {
  readonly bytes: Uint8Array;
  readonly mark: number;
  readonly size: number;
}

function verify({ bytes, mark }: Held): void {
  for (let index = 0; index < bytes.length; index += 1 + (index >> 2)) {
    if (bytes[index] !== mark) throw new Error(`thread ${threadId}: ${bytes[index]} in a buffer of ${mark}`);
  }
}

function made(size: number, mark: number): Uint8Array {
  switch (below(9)) {
    case 0:
      return new Uint8Array(size).fill(mark);
    case 1:
      return Buffer.alloc(size, mark);
    case 2:
      return Buffer.allocUnsafe(size).fill(mark);
    case 3:
      return Buffer.from(new Uint8Array(size).fill(mark)).subarray(size >> 1);
    case 4:
      return new Uint8Array(new Float64Array(size >> 3).buffer, 8).fill(mark);
    case 5: {
      const buffer = new ArrayBuffer(size) as ArrayBuffer & { transfer?: () => ArrayBuffer };
      return new Uint8Array(buffer.transfer?.() ?? buffer).fill(mark);
    }
    case 6: {
      const array = new Uint8Array(size).fill(mark);
      return structuredClone(array, { transfer: [array.buffer] });
    }
    case 7:
      return new Uint8Array(new SharedArrayBuffer(size)).fill(mark);
    default:
      return Buffer.concat([Buffer.alloc(size >> 1, mark), Buffer.alloc(size >> 1, mark)]);
  }
}

async function churn({ seed, times, turns }: Task): Promise<void> {
  state = seed;
  const held: Held[] = [];
  let heldBytes = 0;
  const bytes = times * pool().size;
  for (let done = 0, count = 0; done < bytes; count++) {
    const size = 16 + (below(4) === 0 ? below(2 ** 18) : below(2 ** 14));
    const mark = below(256);
    const array = made(size, mark);
    held.push({ bytes: array, mark, size });
    heldBytes += size;
    done += size;
    while (held.length > 40 || heldBytes > 2 ** 20) {
      const [dropped] = held.splice(below(held.length), 1);
      verify(dropped);
      heldBytes -= dropped.size;
    }
    if (below(1000) < turns) await setImmediate();
  }
  held.forEach(verify);
}

async function main(): Promise<void> {
  const [seed, times, workers, turns, isKilling] = process.argv.slice(2).map(Number);
  const start = liveBlocks();
  const team = Array.from(
    { length: workers },
    (_, index) => new Worker(__filename, { workerData: { seed: seed + index + 1, times, turns } }),
  );
  const ends = team.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.once('error', reject).once('exit', () => {
          resolve();
        });
      }),
  );
  if (isKilling === 1) {
    state = seed;
    await Promise.all(
      team.map(async (worker) => {
        await setTimeout(below(400));
        await worker.terminate();
      }),
    );
  }
  await Promise.all([churn({ seed, times, turns }), ...ends]);
  const left = await collectUntil(start);
  console.log(JSON.stringify({ start, left, check: pool().check(), report: pool().checkReport() }));
}

if (isMainThread) void main();
else void churn(workerData as Task).then(() => parentPort?.close());
