// Attaches to a pool and does what it is asked to.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type PoolInfo, type VmemHandle } from '@vmem-ts/vmem-api';
import { failureOf } from '../../support/thrown';
import { everyMethod } from '../../support/every-method';

export interface Question {
  /** Attach, to the pool of `workerData` or to this one. */
  attach?: VmemHandle;
  /** Allocate so many bytes, keep a view on them and fill it. */
  keepView?: number;
  readView?: true;
  writeView?: number;
  malloc?: number;
  free?: number;
  info?: true;
  detach?: true;
  delete?: true;
  /** Call every method, with the pointers of before where one is needed; what each threw. */
  everyMethod?: true;
}

export interface Answer {
  readonly failure: string;
  readonly ptr?: number;
  readonly sum?: number;
  readonly handle?: VmemHandle;
  readonly info?: PoolInfo;
  readonly outcomes?: Record<string, string>;
}

let pool: Vmem;
let kept: Uint8Array;
let ptr = 0;

function attach(handle: VmemHandle): void {
  pool = Vmem.attach(handle);
  ptr = pool.malloc(64);
}

function answer(question: Question): Partial<Answer> {
  if (question.attach) attach(question.attach);
  if (question.keepView !== undefined) kept = pool.alloc(Uint8Array, question.keepView).fill(7);
  if (question.readView) return { sum: kept.reduce((sum, byte) => sum + byte, 0) };
  if (question.writeView !== undefined) kept.fill(question.writeView);
  if (question.malloc !== undefined) return { ptr: pool.malloc(question.malloc) };
  if (question.free !== undefined) pool.free(question.free);
  if (question.info) return { info: pool.info() };
  if (question.detach) pool.detach();
  if (question.delete) pool.delete();
  if (question.everyMethod) {
    const outcomes = everyMethod(pool, ptr).map(([name, call]) => [name, failureOf(call)]);
    return { outcomes: Object.fromEntries(outcomes) as Record<string, string> };
  }
  return {};
}

parentPort!.on('message', (question: Question) => {
  let more: Partial<Answer> = {};
  const failure = failureOf(() => (more = answer(question)));
  parentPort!.postMessage({ ...more, failure } satisfies Answer);
});

const first = workerData as VmemHandle | undefined;
const failure = failureOf(() => {
  if (first) attach(first);
});
parentPort!.postMessage({ failure } satisfies Answer);
