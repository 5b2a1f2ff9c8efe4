// Says of this thread, of a worker and of a child process whether their buffers are in a pool, and in the same one.
//
// Arguments: one of worker, worker-without, fork, fork-without-variables, spawn.

import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { isInPool } from './in-pool';
import { pool } from '@vmem-ts/vmem-api/vmmalloc';

interface Told {
  readonly inPool: boolean;
  /** Names the pool; where there is none the question is not asked, for it would make one. */
  readonly id?: readonly number[];
}

function told(): Told {
  const inPool = isInPool(new Uint8Array(2 ** 20));
  return inPool ? { inPool, id: pool().handle.id } : { inPool };
}

async function relative(how: string): Promise<Told> {
  switch (how) {
    case 'worker':
    case 'worker-without': {
      const options = how === 'worker' ? {} : { execArgv: [] };
      const [answer] = (await once(new Worker(__filename, options), 'message')) as [Told];
      return answer;
    }
    case 'fork':
    case 'fork-without-variables': {
      const options = how === 'fork' ? {} : { env: {} };
      const [answer] = (await once(fork(__filename, ['tell'], options), 'message')) as [Told];
      return answer;
    }
    default: {
      const { stdout } = spawnSync(process.execPath, [__filename, 'print'], { encoding: 'utf8' });
      return JSON.parse(stdout) as Told;
    }
  }
}

async function main(how: string): Promise<void> {
  if (how === 'tell') {
    process.send!(told(), () => {
      process.disconnect();
    });
  } else if (how === 'print') {
    console.log(JSON.stringify(told()));
  } else {
    console.log(JSON.stringify({ own: told(), other: await relative(how) }));
  }
}

if (isMainThread) void main(process.argv[2]);
else parentPort!.postMessage(told());
