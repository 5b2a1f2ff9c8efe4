// Allocates from a kind that all share, hands the blocks to the next thread and frees those that it is handed.

import { parentPort, workerData } from 'node:worker_threads';
import {
  memkind_attach,
  memkind_detect_kind,
  memkind_free,
  memkind_malloc,
  memkind_view,
  errno,
  type Out,
  type PmemKindHandle,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { meet } from '../../../support/meeting';

const { handle, board, me, threads, count } = workerData as {
  handle: PmemKindHandle;
  board: SharedArrayBuffer;
  me: number;
  threads: number;
  count: number;
};
const kind: Out<memkind_t | null> = { value: null };
memkind_attach(handle, kind);
const words = new Int32Array(board, 0, 2);
const pointers = new Float64Array(board, 16);

for (let i = 0; i < count; i++) {
  const ptr = memkind_malloc(kind.value, 4 + ((i * 7 + me) % 500));
  memkind_view(Int32Array, ptr, 1)![0] = me * count + i;
  pointers[me * count + i] = ptr;
}
meet(words, threads);
const next = (me + 1) % threads;
let result = 'ok';
for (let i = 0; i < count; i++) {
  const ptr = pointers[next * count + i];
  if (memkind_view(Int32Array, ptr, 1)?.[0] !== next * count + i) result = `block ${ptr} was written to`;
  if (memkind_detect_kind(ptr) !== kind.value) result = `block ${ptr} is of another kind`;
  memkind_free(i % 2 === 0 ? null : kind.value, ptr);
}
parentPort!.postMessage(errno() === 0 ? result : `errno ${errno()}`);
