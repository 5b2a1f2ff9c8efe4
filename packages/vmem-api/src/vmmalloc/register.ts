// The preload: `node --import @vmem-ts/vmem-api/vmmalloc/register app.js`, or `--require`, or either in NODE_OPTIONS. It runs
// before the program, in the main thread and in every worker that inherits the option.

import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { VmemError } from '@vmem-ts/allocator';
import { ERROR } from './environment';
import { LOGS_ALLOCATIONS, logAllocation, logFree } from './log';
import { replaceBuffers } from './preload/buffers';
import { replaceFork } from './preload/forks';
import { Lender } from './preload/lender';
import { POOL_NAME, endProcess, openProcessPool, processPool, settings } from './process-pool';
import { variables } from './process-share';

const { fork, ...limits } = settings();
const log = LOGS_ALLOCATIONS ? { allocated: logAllocation, freed: logFree } : undefined;

/** Undefined in a worker that the pool has no room for, if buffers may be ordinary memory then. */
function openLender(): Lender | undefined {
  try {
    return new Lender(openProcessPool(), limits, log);
  } catch (error) {
    if (!(error instanceof VmemError)) throw error;
    if (isMainThread) endProcess(`${ERROR}${error.message}`);
    if (limits.fallsBack && (error.code === 'ENOMEM' || error.code === 'EAGAIN')) return undefined;
    throw error;
  }
}

// --frozen-intrinsics freezes them before what `--import` names is run, and in the thread in which Node.js runs hooks of modules
const isFrozen = Object.isFrozen(ArrayBuffer.prototype);
if (isFrozen && isMainThread)
  endProcess(
    `${ERROR}the built-in objects are frozen already: load the preload by --require, not by --import`,
  );
const lender = isFrozen ? undefined : openLender();
if (lender !== undefined) {
  replaceBuffers(lender);
  replaceFork(processPool(), POOL_NAME, fork, variables);
  syncBuiltinESMExports();
}
