// Attaches to a kind and does what it is asked to.

import { parentPort, workerData } from 'node:worker_threads';
import {
  MEMKIND_DEFAULT,
  PmemKind,
  errno,
  memkind_attach,
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_detect_kind,
  memkind_free,
  memkind_malloc,
  memkind_view,
  setErrno,
  type Out,
  type PmemKindHandle,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';

/** Steps, done in this order. */
export interface Question {
  /** A kind without a limit, in this directory. */
  create?: string;
  attach?: PmemKindHandle;
  malloc?: number;
  mallocDefault?: number;
  /** Which kind the pointer is of, and its first byte. */
  detect?: number;
  free?: number;
  destroy?: true;
  end?: true;
}

export interface Answer {
  readonly errno: number;
  readonly handle?: PmemKindHandle;
  readonly ptr?: number;
  readonly id?: number;
  readonly name?: string;
  readonly byte?: number;
}

const kind: Out<memkind_t | null> = { value: null };

function answer(question: Question): Partial<Answer> {
  const told: { -readonly [Name in keyof Answer]?: Answer[Name] } = {};
  if (question.create !== undefined) {
    memkind_create_pmem(question.create, 16 * 2 ** 20, kind);
    told.handle = (kind.value as PmemKind).handle;
  }
  if (question.attach) memkind_attach(question.attach, kind);
  if (question.malloc !== undefined) told.ptr = memkind_malloc(kind.value, question.malloc);
  if (question.mallocDefault !== undefined)
    told.ptr = memkind_malloc(MEMKIND_DEFAULT, question.mallocDefault);
  if (question.detect !== undefined) {
    const found = memkind_detect_kind(question.detect);
    if (found instanceof PmemKind) told.id = found.id;
    else if (found !== null) told.name = found.name;
    const byte = found === null ? undefined : memkind_view(Uint8Array, question.detect, 1)?.[0];
    if (byte !== undefined) told.byte = byte;
  }
  if (question.free !== undefined) memkind_free(null, question.free);
  if (question.destroy) memkind_destroy_kind(kind.value);
  return told;
}

parentPort!.on('message', (question: Question) => {
  if (question.end) {
    parentPort!.close();
    return;
  }
  setErrno(0);
  const told = answer(question);
  parentPort!.postMessage({ ...told, errno: errno() } satisfies Answer);
});

const first = workerData as PmemKindHandle | undefined | null;
if (first) memkind_attach(first, kind);
parentPort!.postMessage('ready');
