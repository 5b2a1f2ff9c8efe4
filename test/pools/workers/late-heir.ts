// A process that is forked with a pool while it can open no file, and asks for the pool again when it can.

import { once } from 'node:events';
import { readdirSync, readlinkSync, closeSync, openSync } from 'node:fs';
import { VMEM_MIN_POOL, Vmem } from '@vmem-ts/vmem-api';
import { failureOf } from '../../support/thrown';

export interface Inherited {
  readonly first: string;
  readonly later: string;
  readonly contains: boolean;
  readonly check: number;
  /** Descriptors of pools' files. */
  readonly files: number;
  /** What the parent's `thaw` threw when the process had ended. */
  readonly thaw: string;
}

function inherit(ptr: number): Omit<Inherited, 'thaw'> {
  Vmem.create('/tmp', VMEM_MIN_POOL, { backend: 'anonymous' }).delete(); // all that is loaded only when it is needed
  const eaten: number[] = [];
  const first = failureOf(() => {
    try {
      for (;;) eaten.push(openSync('/dev/null', 'r'));
    } catch {
      Vmem.inherited();
    }
  });
  for (const fd of eaten) closeSync(fd);
  const later = failureOf(() => Vmem.inherited());
  const pool = Vmem.inherited();
  const isPoolFile = (fd: string): boolean => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('(deleted)');
    } catch {
      return false; // that of the listing
    }
  };
  return {
    first,
    later,
    contains: pool?.contains(ptr) === true,
    check: pool?.check() ?? -1,
    files: readdirSync('/proc/self/fd').filter(isPoolFile).length,
  };
}

async function main(dir: string): Promise<void> {
  const pool = Vmem.create(dir, VMEM_MIN_POOL);
  const child = pool.fork(__filename, ['child', String(pool.malloc(1000))]);
  const [told] = (await once(child, 'message')) as [Omit<Inherited, 'thaw'>];
  await once(child, 'exit');
  process.stdout.write(JSON.stringify({ ...told, thaw: failureOf(() => pool.thaw()) }));
  pool.delete();
}

const [task, ptr] = process.argv.slice(2);
if (task === 'child') {
  process.send!(inherit(Number(ptr)));
  process.disconnect();
} else {
  void main(task);
}
