// Processes that `child_process.fork` starts have the parent's pool, by VMMALLOC_FORK. libvmmalloc(7), ENVIRONMENT

import childProcess = require('node:child_process');
import type { ForkOptions } from 'node:child_process';
import { prepareFork } from '../../fork/prepare';
import { partsOf, type Vmem } from '../../vmem';
import type { ForkMode, Variables } from '../environment';
import { disguised, putInPlace } from './disguise';

type Fork = (modulePath: unknown, ...rest: unknown[]) => unknown;

const apply = Reflect.apply.bind(Reflect);

/** What the preload is called in the options of a process that has it. */
const PRELOAD = 'vmmalloc/register';

/**
 * Replaces `child_process.fork`.
 * @param name what the process asks for the pool by
 * @param variables for a process that gets an environment without them
 */
export function replaceFork(pool: Vmem, name: string, mode: ForkMode, variables: Variables): void {
  const { fork } = childProcess as unknown as { fork: Fork };
  const behave = (self: unknown, args: unknown[]): unknown => {
    const [modulePath, first, second] = args;
    // as child_process.fork tells arguments from options
    const hasList = Array.isArray(first) || first === undefined || first === null;
    const [list, options] = hasList ? [first ?? [], second ?? {}] : [[], first];
    if (!isForkOptions(options) || !hasPreload(options)) return apply(fork, self, args);
    const env = { ...variables, ...(options.env ?? process.env) };
    const prepared = prepareFork(new Map([[name, partsOf(pool)]]), { mode }, { ...options, env });
    try {
      return apply(fork, self, [modulePath, list, prepared.options]);
    } finally {
      prepared.done();
    }
  };
  putInPlace(childProcess, 'fork', disguised(fork, behave));
}

/** Whether the original would take them; it has the words for those that it does not. */
function isForkOptions(options: unknown): options is ForkOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return false;
  const { stdio } = options as ForkOptions;
  return !Array.isArray(stdio) || stdio.includes('ipc');
}

/** A process without the preload makes nothing of the pool: for it the parent's stays as it is. */
function hasPreload({ execArgv = process.execArgv, env = process.env }: ForkOptions): boolean {
  return [...execArgv, env['NODE_OPTIONS'] ?? ''].some((option) => option.includes(PRELOAD));
}
