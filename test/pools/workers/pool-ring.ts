// Threads in a ring make pools, several at a time, and hand them to the next thread, which reads, writes and frees in them
// and deletes some. Prints what the process holds before and after, and whatever was not as it should be.

import {
  MessageChannel,
  Worker,
  isMainThread,
  parentPort,
  receiveMessageOnPort,
  workerData,
  type MessagePort,
} from 'node:worker_threads';
import { once } from 'node:events';
import {
  VMEM_MIN_POOL,
  Vmem,
  type BackendChoice,
  type VmemHandle,
  type VmemOptions,
} from '@vmem-ts/vmem-api';
import { usedBytes } from '../../support/disk-usage';
import { meet } from '../../support/meeting';
import {
  collectGarbageUntil,
  countFileMappings,
  countOpenFiles,
  mappedBytes,
} from '../../support/process-resources';
import { failureOf } from '../../support/thrown';

/** What the process holds more than before, when all threads have ended. */
export interface Ring {
  readonly pools: number;
  readonly files: number;
  readonly mappings: number;
  /** Bytes of addresses, in pools of the smallest size. */
  readonly addresses: number;
  /** Bytes of the file system, as soon as the last pool was deleted. */
  readonly used: number;
  /** Threads that the pool still knows to which each thread attached in each round. */
  readonly attached: number;
  readonly wrong: string[];
}

/** What a thread does wrong on purpose. */
export type Fault = 'none' | 'keeps pools' | 'keeps a slot' | 'writes into another pool';

interface Task {
  readonly dir: string;
  readonly backend: BackendChoice;
  readonly fault: Fault;
  readonly rounds: number;
  /** This thread's number. */
  readonly self: number;
  /** A pool with slots for the threads of the ring and the first one. */
  readonly common: VmemHandle;
  readonly meeting: Int32Array;
  readonly previous: MessagePort;
  readonly next: MessagePort;
}

interface Lent {
  readonly handle: VmemHandle;
  readonly mark: number;
  readonly blocks: readonly number[];
}

const THREADS = 4;
/** Pools that each thread has at once; the last one grows. */
const POOLS = 3;
const SIZES = [24, 100, 1000, 5000, 20_000, 200_000];
const WORDS = 6;

/** Pools that the fault keeps, with the common one. */
const KEPT = 20;

/** So that nothing detaches them. */
const neverDetached: Vmem[] = [];

/** A value that no other block of any pool that is alive has. */
const valueOf = (mark: number, block: number): number => mark * 1000 + block;

const words = (pool: Vmem, ptr: number): Uint32Array => pool.view(Uint32Array, ptr, WORDS);

function isIntact(pool: Vmem, { mark, blocks }: Omit<Lent, 'handle'>): boolean {
  return blocks.every((ptr, i) => words(pool, ptr).every((word) => word === valueOf(mark, i)));
}

function make({ dir, backend }: Task, mark: number, options: VmemOptions): Lent & { pool: Vmem } {
  const pool = Vmem.create(dir, VMEM_MIN_POOL, { backend, ...options });
  const blocks = SIZES.map((size) => pool.malloc(size));
  blocks.forEach((ptr, i) => words(pool, ptr).fill(valueOf(mark, i)));
  return { pool, handle: pool.handle, mark, blocks };
}

/** What the next thread does with a pool of this one. */
function visit({ handle, mark, blocks }: Lent, deletes: boolean, wrong: string[]): void {
  const pool = Vmem.attach(handle);
  if (!isIntact(pool, { mark, blocks })) wrong.push('a visitor reads another pool');
  const own = pool.malloc(3000);
  if (blocks.includes(own)) wrong.push('a block is given twice');
  pool.free(blocks.at(-1)!);
  if (pool.check() !== 1) wrong.push('a pool is not consistent');
  if (deletes) pool.delete();
  else pool.detach();
}

function turn(task: Task, round: number, wrong: string[]): void {
  const { self, meeting, previous, next, fault, common } = task;
  const mine = Array.from({ length: POOLS }, (_, i) =>
    make(task, (round * THREADS + self) * POOLS + i, i === POOLS - 1 ? { maxSize: 4 * VMEM_MIN_POOL } : {}),
  );
  if (fault === 'writes into another pool') words(mine[1].pool, mine[1].blocks[2])[3]++;
  const [, second, last] = mine;
  if (last.pool.malloc(2 * VMEM_MIN_POOL) === 0) wrong.push('a pool does not grow');

  const foreign = mine[0].pool.malloc(8); // live in one pool alone
  const refusal = failureOf(() => {
    second.pool.free(foreign);
  });
  if (refusal !== 'VmemError EBADPTR') wrong.push(`a foreign block is freed: ${refusal}`);
  if (second.pool.contains(foreign)) wrong.push('a pool contains a foreign block');

  next.postMessage(mine.map(({ handle, mark, blocks }) => ({ handle, mark, blocks })));
  meet(meeting, THREADS);
  const { message } = receiveMessageOnPort(previous) as { message: Lent[] };
  message.forEach((lent, i) => visit(lent, i === round % POOLS, wrong));
  const visited = failureOf(() => {
    const pool = Vmem.attach(common);
    pool.free(pool.malloc(500));
    if (fault === 'keeps a slot') neverDetached.push(pool);
    else pool.detach();
  });
  if (visited !== 'none') wrong.push(`the common pool: ${visited}`);
  meet(meeting, THREADS);

  mine.forEach(({ pool, mark, blocks }, i) => {
    const isThere = i !== round % POOLS;
    const kept = blocks.slice(0, -1); // the visitor freed one
    const failure = failureOf(() => {
      if (!isIntact(pool, { mark, blocks: kept })) wrong.push('the owner reads another pool');
    });
    if (failure !== (isThere ? 'none' : 'VmemError ECLOSED')) wrong.push(`the owner's pool: ${failure}`);
    pool.delete();
  });
}

function work(task: Task): string[] {
  const wrong: string[] = [];
  const failure = failureOf(() => {
    for (let round = 0; round < task.rounds; round++) turn(task, round, wrong);
    const common = Vmem.attach(task.common);
    common.malloc(100);
    // ends without a farewell, unless nobody would notice that
    if (process.env['VMEM_TEST_WITHOUT_ADDON'] === '1') common.detach();
  });
  if (failure !== 'none') wrong.push(failure);
  return [...new Set(wrong)];
}

/** Each thread's findings. `common` stays. */
async function runThreads(
  common: Vmem,
  place: Pick<Task, 'dir' | 'backend' | 'rounds' | 'fault'>,
): Promise<string[]> {
  const meeting = new Int32Array(new SharedArrayBuffer(8));
  const channels = Array.from({ length: THREADS }, () => new MessageChannel());
  const workers = channels.map(({ port1: next }, self) => {
    const { port2: previous } = channels[(self + THREADS - 1) % THREADS];
    const task: Task = { ...place, self, common: common.handle, meeting, previous, next };
    return new Worker(__filename, { workerData: task, transferList: [previous, next] });
  });
  const findings = await Promise.all(
    workers.map(async (worker) => {
      const ended = once(worker, 'exit');
      const [wrong] = (await once(worker, 'message')) as [string[]];
      await ended;
      return wrong;
    }),
  );
  return [...new Set(findings.flat())];
}

async function run(dir: string, backend: BackendChoice, rounds: number, fault: Fault): Promise<Ring> {
  const createCommon = (): Vmem => Vmem.create(dir, VMEM_MIN_POOL, { backend, threads: THREADS + 1 });
  const holdings = (): Omit<Ring, 'pools' | 'attached' | 'wrong'> => ({
    files: countOpenFiles(),
    mappings: countFileMappings(),
    addresses: mappedBytes() / VMEM_MIN_POOL,
    used: usedBytes(dir),
  });
  const warm = createCommon(); // what the first threads and pools of a process take for good
  await runThreads(warm, { dir, backend, rounds: 2, fault: 'none' });
  warm.delete();
  await collectGarbageUntil(() => false);
  const before = holdings();

  const common = createCommon();
  const wrong = await runThreads(common, { dir, backend, rounds, fault });
  common.malloc(200_000); // a slow path: here the dead leave
  const attached = common.stats().threads - 1;
  if (common.check() !== 1) wrong.push('the common pool is not consistent');
  const pools = [common];
  if (fault === 'keeps pools') for (let i = 0; i < KEPT; i++) pools.push(createCommon());
  else common.delete();
  const used = usedBytes(dir) - before.used;
  await collectGarbageUntil(() => mappedBytes() / VMEM_MIN_POOL < before.addresses + 1);
  const after = holdings();
  return {
    pools: pools.length + THREADS * POOLS * rounds,
    files: after.files - before.files,
    mappings: after.mappings - before.mappings,
    addresses: after.addresses - before.addresses,
    used,
    attached,
    wrong,
  };
}

if (isMainThread) {
  const [, , dir = '', backend = '', rounds = '', fault = ''] = process.argv;
  void run(dir, backend as BackendChoice, Number(rounds), fault as Fault).then((ring) => {
    process.stdout.write(JSON.stringify(ring));
  });
} else {
  parentPort!.postMessage(work(workerData as Task));
}
