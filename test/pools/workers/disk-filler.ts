// Makes pools on a small disk, in the first thread or in another one, until there is no room, and writes to all they have.

import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { VMEM_MIN_POOL, Vmem, type BackendChoice, type VmemOptions } from '@vmem-ts/vmem-api';
import { usedBytes } from '../../support/disk-usage';
import { countFileMappings, countOpenFiles } from '../../support/process-resources';
import { failureOf } from '../../support/thrown';

export interface Filled {
  /** What making a pool that is larger than the disk threw, again and again. */
  readonly tooLarge: string[];
  /** Bytes, descriptors and mappings that these left behind. */
  readonly left: { used: number; files: number; mappings: number };
  /** Bytes in the blocks that a pool gave until memory was out; what it gave then, and how it was. */
  readonly filled: { bytes: number; further: number; result: number; problems: number };
  /** Blocks whose contents were others than what was written. */
  readonly damaged: number;
  /** Of the blocks as many bytes again, after all was freed; what a growing pool holds of the disk. */
  readonly again: number;
  readonly grown: number;
  readonly deleted: { used: number; files: number; mappings: number };
}

interface Task {
  readonly dir: string;
  readonly backend: BackendChoice;
  readonly grows: boolean;
}

const MIB = 2 ** 20;
const BLOCK = 300_000;

const holdings = (dir: string): { used: number; files: number; mappings: number } => ({
  used: usedBytes(dir),
  files: countOpenFiles(),
  mappings: countFileMappings(),
});

type Holdings = ReturnType<typeof holdings>;

const difference = (after: Holdings, before: Holdings): Holdings => ({
  used: after.used - before.used,
  files: after.files - before.files,
  mappings: after.mappings - before.mappings,
});

/** All blocks that the pool gives, each filled with a pattern of its own. */
function fill(pool: Vmem): number[] {
  const pointers: number[] = [];
  for (let ptr = pool.malloc(BLOCK); ptr !== 0; ptr = pool.malloc(BLOCK)) pointers.push(ptr);
  pointers.forEach((ptr, i) => view(pool, ptr).fill(i + 1));
  return pointers;
}

const view = (pool: Vmem, ptr: number): Uint8Array =>
  new Uint8Array(pool.buffer, pool.byteOffset + ptr, BLOCK);

function work({ dir, backend, grows }: Task): Filled {
  const options: VmemOptions = { backend };
  Vmem.create(dir, VMEM_MIN_POOL, options).delete(); // what the first pool of a thread takes for good
  const before = holdings(dir);
  const size = grows ? VMEM_MIN_POOL : 40 * MIB;
  const tooLarge = new Set<string>();
  for (let i = 0; i < 10; i++) tooLarge.add(failureOf(() => Vmem.create(dir, 64 * MIB, options)));
  const left = difference(holdings(dir), before);
  const pool = Vmem.create(dir, size, grows ? { ...options, maxSize: 512 * MIB } : options);
  const pointers = fill(pool);
  const { result, problems } = pool.checkReport();
  const filled = {
    bytes: pointers.length * BLOCK,
    further: pool.malloc(2 * MIB) + pool.calloc(5, MIB),
    result,
    problems: problems.length,
  };
  const damaged = pointers.filter((ptr, i) => !Buffer.alloc(BLOCK, i + 1).equals(view(pool, ptr)));
  const grown = usedBytes(dir) - before.used;
  pool.freeMany(pointers);
  const again = fill(pool).length * BLOCK;
  pool.delete();
  const deleted = difference(holdings(dir), before);
  return { tooLarge: [...tooLarge], left, filled, damaged: damaged.length, again, grown, deleted };
}

const print = (result: Filled): void => {
  process.stdout.write(JSON.stringify(result));
};

if (isMainThread) {
  const [, , dir = '', backend = 'auto', grows = '', where = ''] = process.argv;
  const task: Task = { dir, backend: backend as BackendChoice, grows: grows === 'grows' };
  if (where === 'worker') new Worker(__filename, { workerData: task }).on('message', print);
  else print(work(task));
} else {
  parentPort!.postMessage(work(workerData as Task));
}
