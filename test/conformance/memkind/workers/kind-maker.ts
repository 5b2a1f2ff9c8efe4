// Makes kinds, a few at a time, uses each and destroys it; tells their numbers, with those of workers of its own.

import { once } from 'node:events';
import { Worker, parentPort, workerData } from 'node:worker_threads';
import { PmemKind } from '@vmem-ts/vmem-api/memkind';

const {
  dir,
  rounds,
  keep = 1,
  depth = 0,
} = workerData as {
  dir: string;
  rounds: number;
  keep?: number;
  depth?: number;
};

const below =
  depth > 0 ? new Worker(__filename, { workerData: { dir, rounds, depth: depth - 1 } }) : undefined;
const theirs = below === undefined ? Promise.resolve([[]]) : once(below, 'message');

const ids: number[] = [];
const kinds: PmemKind[] = [];
for (let i = 0; i < rounds; i++) {
  const kind = PmemKind.create(dir, 16 * 2 ** 20);
  kinds.push(kind);
  ids.push(kind.id);
  const ptr = kind.malloc(8);
  if (PmemKind.detect(ptr) !== kind) throw new Error(`pointer ${ptr} is not of kind ${kind.id}`);
  kind.free(ptr);
  if (kinds.length > keep) kinds.shift()!.delete();
}
for (const kind of kinds) kind.delete();
void theirs.then(([more]) => {
  parentPort!.postMessage([...ids, ...(more as number[])]);
});
