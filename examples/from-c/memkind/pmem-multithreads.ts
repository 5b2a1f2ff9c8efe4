// pmem_multithreads: ten threads, each with a kind of its own. They are started, wait, and begin together.

import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import {
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_free,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { fail, run } from '../program';
import { MIB, allocate, succeed, tellDax, tellPlace } from './steps';

const THREADS = 10;

async function main(dir: string): Promise<void> {
  const path = tellPlace('Uses a kind of its own in each of several threads.', dir, THREADS);
  const condition = new Int32Array(new SharedArrayBuffer(4));
  const threads = Array.from(
    { length: THREADS },
    () => new Worker(__filename, { argv: ['--dir', path], workerData: condition }),
  );
  const ended = threads.map((thread) => once(thread, 'exit') as Promise<[number]>);
  const ready = Promise.all(threads.map((thread) => once(thread, 'message')));
  await Promise.race([ready, ...ended]);
  Atomics.store(condition, 0, 1);
  Atomics.notify(condition, 0);

  const statuses = await Promise.all(ended);
  const failed = statuses.filter(([status]) => status !== 0).length;
  if (failed > 0) fail(`${failed} threads failed`);
  console.log(`${THREADS} threads have allocated memory of their kinds.`);
}

function thread(path: string): void {
  const condition = workerData as Int32Array;
  parentPort!.postMessage('ready');
  Atomics.wait(condition, 0, 0);
  tellDax(path);

  const kind: { value: memkind_t | null } = { value: null };
  succeed(memkind_create_pmem(path, 32 * MIB, kind));
  memkind_free(kind.value, allocate(kind.value, 32));
  succeed(memkind_destroy_kind(kind.value));
}

void run(isMainThread ? main : thread);
