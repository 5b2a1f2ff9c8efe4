// Watches what the file of a conservative kind takes: when it is full, after everything was freed, after purge.

import { fstatSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { PmemKind } from '@vmem-ts/vmem-api/memkind';

export interface Storage {
  readonly full: number;
  readonly freed: number;
  readonly purged: number;
  /** What purge says. */
  readonly returned: number;
}

const kind = PmemKind.create(workerData as string, 64 * 2 ** 20, 'conservative');
const taken = (): number => fstatSync(kind.handle.pool.fd).blocks * 512;
const blocks = [16, 8, 4, 4, 2].map((mebibytes) => kind.malloc(mebibytes * 2 ** 20));
const small = Array.from({ length: 1000 }, () => kind.malloc(1000));
const full = taken();
for (const ptr of [...blocks, ...small]) kind.free(ptr);
const freed = taken();
const returned = kind.purge();
parentPort!.postMessage({ full, freed, purged: taken(), returned } satisfies Storage);
kind.delete();
