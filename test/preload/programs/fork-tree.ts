// Processes that fork one another, each with a worker, and look whether they find their parent's blocks.
//
// Arguments: how many further generations, and from the second generation on the parent's blocks, as JSON.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import * as c from '@vmem-ts/vmem-api/vmmalloc';
import { isInPool } from './in-pool';

interface Block {
  readonly ptr: number;
  readonly size: number;
  readonly mark: number;
}

const SIZES = [40, 3000, 70_000, 1_000_000];
const bytes = ({ ptr, size }: Block): Uint8Array => c.pool().view(Uint8Array, ptr, size);
const isWhole = (block: Block): boolean =>
  c.pool().contains(block.ptr) && bytes(block).every((byte) => byte === block.mark);

function allocate(mark: number): Block[] {
  return SIZES.map((size) => {
    const block = { ptr: c.malloc(size), size, mark };
    bytes(block).fill(mark);
    return block;
  });
}

/** Allocates and frees until it is told to end; then says whether its blocks stayed its own. */
async function work(mark: number): Promise<void> {
  const kept = allocate(mark);
  let isOver = false;
  parentPort!.once('message', () => (isOver = true));
  parentPort!.postMessage(kept);
  while (!isOver) {
    for (let round = 0; round < 200; round++) {
      const size = 16 + ((round * 977) % 20_000);
      const block = { ptr: c.malloc(size), size, mark: round % 256 };
      bytes(block).fill(block.mark);
      if (!isWhole(block)) throw new Error('somebody else writes to this block');
      c.free(block.ptr);
    }
    await new Promise(setImmediate);
  }
  parentPort!.postMessage(kept.every(isWhole));
}

async function main(left: number, inherited: readonly Block[]): Promise<void> {
  const found = inherited.filter(isWhole).length;
  const worker = new Worker(__filename, { workerData: 100 + left });
  const [ofWorker] = (await once(worker, 'message')) as [Block[]];
  const own = [...allocate(50 + left), ...ofWorker];
  const isOwnPool = isInPool(new Uint8Array(2 ** 18));

  let below: unknown;
  if (left > 0) {
    const child = fork(__filename, [String(left - 1), JSON.stringify(own)]);
    // the child has what was there before
    own.slice(0, SIZES.length).forEach((block) => bytes(block).fill(1));
    const answer = once(child, 'message');
    const [status] = (await once(child, 'exit')) as [number | null];
    if (status !== 0) throw new Error(`the process ended with ${status}`);
    [below] = (await answer) as [unknown];
  }
  const answer = once(worker, 'message');
  worker.postMessage('end');
  const [isWorkerWhole] = (await answer) as [boolean];
  const isParentWhole = own
    .slice(0, SIZES.length)
    .every((block) => isWhole({ ...block, mark: left > 0 ? 1 : block.mark }));
  own.forEach(({ ptr }) => {
    c.free(ptr);
  });
  // in every process they are its own to free
  inherited.slice(0, found).forEach(({ ptr }) => {
    c.free(ptr);
  });
  const told = {
    expected: inherited.length,
    found,
    isOwnPool,
    isWorkerWhole,
    isParentWhole,
    errno: c.errno(),
    check: c.pool().check(),
  };
  const all = [told, ...((below as unknown[] | undefined) ?? [])];
  if (process.send === undefined) console.log(JSON.stringify(all));
  else
    process.send(all, () => {
      process.disconnect();
    });
}

if (!isMainThread) void work(workerData as number);
else void main(Number(process.argv[2]), JSON.parse(process.argv[3] ?? '[]') as Block[]);
