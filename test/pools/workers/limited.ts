// Makes and uses pools in a process with a limit, in the first thread and in another one, and tells what came of it.

import { closeSync, mkdirSync, openSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { VMEM_MIN_POOL, Vmem, type BackendChoice } from '@vmem-ts/vmem-api';
import { countFileMappings, countOpenFiles } from '../../support/process-resources';
import { failureOf } from '../../support/thrown';

/** What each step threw, or gave; and what is left of descriptors, and of mappings of files. */
export type Outcomes = Record<string, unknown>;

const MIB = 2 ** 20;
const GIB = 2 ** 30;
type Task = (dir: string, backend: BackendChoice) => Outcomes;

const outcomeOf = (make: () => Vmem): string =>
  failureOf(() => {
    make().delete();
  });

/** Under `ulimit -f`: no file of more than 20 MiB. */
const files: Task = (dir, backend) => ({
  large: outcomeOf(() => Vmem.create(dir, 32 * MIB, { backend })),
  small: outcomeOf(() => Vmem.create(dir, VMEM_MIN_POOL, { backend })),
  growing: outcomeOf(() => Vmem.create(dir, VMEM_MIN_POOL, { backend, maxSize: 64 * MIB })),
  again: outcomeOf(() => Vmem.create(dir, VMEM_MIN_POOL, { backend })),
});

/** Under `ulimit -v`: pools until there are no addresses left, and many more after they were deleted. */
const addresses: Task = (dir, backend) => {
  const pools: Vmem[] = [];
  const one = (): Vmem => Vmem.create(dir, VMEM_MIN_POOL, { backend, maxSize: GIB / 2 });
  let failure = 'none';
  while (failure === 'none' && pools.length < 100) failure = failureOf(() => pools.push(one()));
  const full = failureOf(() => one());
  const sound = pools.filter((pool) => pool.malloc(MIB) > 0 && pool.check() === 1).length === pools.length;
  for (const pool of pools.splice(0)) pool.delete();
  const later = new Set<string>();
  for (let i = 0; i < 30; i++) later.add(outcomeOf(one));
  return { failure, full, sound, later: [...later] };
};

/** Opens files until there is no descriptor left. */
function eatDescriptors(): number[] {
  const eaten: number[] = [];
  try {
    for (;;) eaten.push(openSync('/dev/null', 'r'));
  } catch {
    return eaten;
  }
}

/** Under `ulimit -n`: a pool that exists is used, grows and is attached to when there is no descriptor left. */
const descriptors: Task = (dir, backend) => {
  const grows = backend === 'overlay' || backend === 'anonymous';
  const pool = Vmem.create(dir, VMEM_MIN_POOL, grows ? { backend, maxSize: 256 * MIB } : { backend });
  Vmem.attach(pool.handle).detach();
  const live = pool.malloc(100);
  const eaten = eatDescriptors();
  const outcomes = {
    create: failureOf(() => Vmem.create(dir, VMEM_MIN_POOL, { backend })),
    grow: failureOf(() => pool.malloc(20 * MIB)),
    growMany: failureOf(() => {
      const many: number[] = [];
      pool.mallocMany(100_000, 300, many);
      pool.freeMany(many);
    }),
    use: failureOf(() => {
      pool.free(pool.malloc(100));
    }),
    purge: failureOf(() => pool.purge()),
    check: pool.check(),
    attach: failureOf(() => {
      Vmem.attach(pool.handle).detach();
    }),
  };
  for (const fd of eaten) closeSync(fd);
  const after = {
    grow: !grows || pool.malloc(20 * MIB) > 0,
    usable: pool.usableSize(live),
    check: pool.check(),
    threads: pool.stats().threads,
  };
  pool.delete();
  return { ...outcomes, after };
};

/** A directory that goes away under its pools. */
const directory: Task = (dir, backend) => {
  const place = join(dir, `gone-${process.pid}-${isMainThread ? 'first' : 'other'}`);
  mkdirSync(place);
  const grows = backend === 'overlay';
  const pool = Vmem.create(place, VMEM_MIN_POOL, grows ? { backend, maxSize: 64 * MIB } : { backend });
  rmdirSync(place);
  const ptr = pool.malloc(8 * MIB);
  new Uint8Array(pool.buffer, pool.byteOffset + ptr, 8 * MIB).fill(5);
  const grown = !grows || pool.malloc(30 * MIB) > 0;
  const attached = failureOf(() => {
    Vmem.attach(pool.handle).detach();
  });
  const create = outcomeOf(() => Vmem.create(place, VMEM_MIN_POOL, { backend }));
  pool.free(ptr);
  const check = pool.check();
  const deleted = failureOf(() => {
    pool.delete();
  });
  return { ptr: ptr > 0, grown, attached, create, check, deleted };
};

const TASKS: Record<string, Task> = { files, addresses, descriptors, directory };

function run(name: string, dir: string, backend: BackendChoice): Outcomes {
  Vmem.create(dir, VMEM_MIN_POOL, { backend }).delete(); // what the first pool of a thread takes for good
  const before = { files: countOpenFiles(), mappings: countFileMappings() };
  const outcomes = TASKS[name](dir, backend);
  const left = { files: countOpenFiles() - before.files, mappings: countFileMappings() - before.mappings };
  return { ...outcomes, left };
}

const print = (outcomes: Outcomes): void => {
  process.stdout.write(JSON.stringify(outcomes));
};

if (isMainThread) {
  const [, , name = '', dir = '', backend = '', where = ''] = process.argv;
  if (where === 'worker') new Worker(__filename, { workerData: [name, dir, backend] }).on('message', print);
  else print(run(name, dir, backend as BackendChoice));
} else {
  const [name, dir, backend] = workerData as [string, string, BackendChoice];
  parentPort!.postMessage(run(name, dir, backend));
}
