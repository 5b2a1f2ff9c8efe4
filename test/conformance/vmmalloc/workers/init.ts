// A block of 4321 bytes and, if asked for, another one by a library that is loaded later, deep or lazily. Says what it did.
// In a worker if that is asked for; as a user who owns no directory, too.

import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Worker, isMainThread } from 'node:worker_threads';
import type * as vmmalloc from '@vmem-ts/vmem-api/vmmalloc';

const NAME = '@vmem-ts/vmem-api/vmmalloc';
type Vmmalloc = typeof vmmalloc;

const LIBRARIES: Record<string, () => Promise<Vmmalloc>> = {
  d: () => Promise.resolve(createRequire(__filename)(NAME) as Vmmalloc),
  l: () => import('@vmem-ts/vmem-api/vmmalloc'),
};

function allocate({ malloc, free }: Vmmalloc, size: number): void {
  const ptr = malloc(size);
  if (ptr === 0) throw new Error('malloc returned NULL');
  free(ptr);
}

async function main(library = ''): Promise<void> {
  allocate(await import('@vmem-ts/vmem-api/vmmalloc'), 4321);
  const load = LIBRARIES[library];
  if (load !== undefined) allocate(await load(), 4321);
  writeSync(1, 'DONE');
}

const NOBODY = 65534;
const [where = 'main', library] = process.argv.slice(2);
if (isMainThread && where === 'nobody') {
  process.setgid!(NOBODY);
  process.setuid!(NOBODY);
}
if (isMainThread && where === 'worker') new Worker(__filename, { argv: process.argv.slice(2) });
else void main(library);
