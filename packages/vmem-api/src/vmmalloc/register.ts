// The preload: `node --import @vmem-ts/vmem-api/vmmalloc/register app.js`, or `--require`, or either in NODE_OPTIONS. It runs
// before the program, in the main thread and in every worker that inherits the option.

import { syncBuiltinESMExports } from 'node:module';
import { ForkMode } from './environment';
import { LOGS_ALLOCATIONS, logAllocation, logFree } from './log';
import { replaceBuffers } from './preload/buffers';
import { replaceFork } from './preload/forks';
import { Lender } from './preload/lender';
import { POOL_NAME, openProcessPool, settings } from './process-pool';

const pool = openProcessPool();
const { fork, ...limits } = settings();
const log = LOGS_ALLOCATIONS ? { allocated: logAllocation, freed: logFree } : undefined;
replaceBuffers(new Lender(pool, limits, log));
if (fork !== ForkMode.nothing) replaceFork(pool, POOL_NAME, fork);
syncBuiltinESMExports();
