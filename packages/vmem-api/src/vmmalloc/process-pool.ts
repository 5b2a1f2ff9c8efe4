// The process's one pool: made from the environment by the first thread, when that uses it or starts a worker, whichever
// comes first; the workers attach to it. It neither grows nor shrinks, and is there until the process ends. libvmmalloc(7)

import { accessSync, constants, writeSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { VmemError, describe } from '@vmem-ts/allocator';
import { LogLevel } from '../c/log';
import { failingAs } from '../pool/failures';
import { Vmem } from '../vmem';
import { ERROR, ForkMode, logsStatistics, readEnvironment, type VmmallocSettings } from './environment';
import { log } from './log';
import { bequeath, inheritedOutcome, isFirstThread, variables, type Outcome } from './process-share';
import { printAtExit } from './statistics';

const ERRORS = log.level >= LogLevel.errors;
const OPERATIONS = log.level >= LogLevel.operations;
const CALLS = log.level >= LogLevel.calls;

/** What a forked process asks for its parent's pool by. */
export const POOL_NAME = 'libvmmalloc';

let pool: Vmem | undefined;
let outcome: Outcome | undefined;

bequeath(outcomeNow);
if (isFirstThread && logsStatistics(variables)) printAtExit(() => pool);

/**
 * The process's pool, as the calling thread has it. The first call of a thread makes it or attaches to it. Where the
 * environment makes no sense, or the pool can't be made, that call prints why to stderr and ends the process.
 *
 * @throws VmemError as for `Vmem.attach`, in a thread that did not make the pool
 */
export function processPool(): Vmem {
  return pool ?? openedPool();
}

/** What the environment's variables ask for, as the first thread has read them; ends the process if they make no sense. */
export function settings(): VmmallocSettings {
  const found = readEnvironment(variables);
  return typeof found === 'string' ? endProcess(found) : found;
}

/**
 * Has the pool ready: to be called before the program runs. If the environment makes no sense, or the pool can't be made, it
 * prints why in libvmmalloc's words to stderr and ends the process with a failing status.
 *
 * @throws VmemError as for `Vmem.attach`, in a worker
 */
export function openProcessPool(): Vmem {
  try {
    return processPool();
  } catch (error) {
    if (error instanceof VmemError && isMainThread) endProcess(creationFailed(error));
    throw error;
  }
}

function openedPool(): Vmem {
  const handle = outcomeNow();
  if (typeof handle === 'string') endProcess(handle);
  if (pool === undefined) {
    if (CALLS) log.line(LogLevel.calls, 'libvmmalloc_attach', `size ${handle.size}`);
    pool = Vmem.attach(handle);
  }
  return pool;
}

function outcomeNow(): Outcome {
  return (outcome ??= inheritedOutcome() ?? make());
}

function make(): Outcome {
  const found = readEnvironment(variables);
  if (typeof found === 'string') return found;
  const { dir, size, fork } = found;
  if (CALLS) log.line(LogLevel.calls, 'libvmmalloc_create', `dir ${describe(dir)}, size ${size}`);
  try {
    const inherited = fork === ForkMode.nothing ? null : Vmem.inherited(POOL_NAME);
    if (inherited !== null) {
      if (OPERATIONS) {
        log.line(LogLevel.operations, 'libvmmalloc_postfork', `a pool of ${inherited.size} bytes`);
      }
      pool = inherited;
      return inherited.handle;
    }
    if (dir === '')
      throw new VmemError('ENOENT', 'an empty path names nothing', { cause: { code: 'ENOENT' } });
    const made = Vmem.create(dir, size);
    // that backend never looks at the directory
    if (made.backend === 'anonymous') {
      failingAs('no pool can be made', () => {
        accessSync(dir, constants.W_OK);
      });
    }
    pool = made;
  } catch (error) {
    if (error instanceof VmemError) return creationFailed(error);
    throw error;
  }
  if (OPERATIONS) {
    log.line(LogLevel.operations, 'libvmmalloc_create', `a pool of ${pool.size} bytes in ${describe(dir)}`);
  }
  return pool.handle;
}

function creationFailed(error: VmemError): string {
  if (ERRORS) log.line(LogLevel.errors, 'libvmmalloc_create', error.message);
  return `${ERROR}vmem pool creation failed: ${reasonOf(error)}`;
}

/** The system's words for a call of its that failed, as C's strerror has them; otherwise the error's own. */
function reasonOf({ code, message, cause }: VmemError): string {
  const isSystems = typeof cause === 'object' && (cause as { code?: unknown } | null)?.code === code;
  const known = isSystems ? [...getSystemErrorMap().values()].find(([name]) => name === code) : undefined;
  if (known === undefined) return message;
  const [, words] = known;
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const STDERR = 2;

/** Prints the message and ends the process: from a worker by a signal, for process.exit would end the worker alone. */
export function endProcess(message: string): never {
  printNow(`${message}\n`);
  if (ERRORS) log.line(LogLevel.errors, 'libvmmalloc', message);
  if (!isMainThread) process.kill(process.pid, 'SIGABRT');
  process.exit(1);
}

/** Before the process ends, which does not wait for a stream. */
function printNow(text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(STDERR, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return; // nobody is there to read it
    }
  }
}
