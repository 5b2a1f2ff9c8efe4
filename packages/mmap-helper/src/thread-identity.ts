/*
 * Who a thread is, in a form that other threads and processes can keep and ask about later.
 */
import { addon } from './addon.js';
import { requireObject, requireThreadNumber, requireWhole } from './arguments.js';
import { requireResult } from './mmap-error.js';

/** Names one thread until the machine is started again: numbers are reused, but not at the same clock tick. */
export interface ThreadIdentity {
  /** The process' number, from 1 to 2^31-1. */
  readonly pid: number;
  /** The kernel's number of the thread (gettid(2)), not `worker.threadId`. From 1 to 2^31-1. */
  readonly tid: number;
  /** When the thread started, in clock ticks after boot: proc(5), /proc/PID/task/TID/stat, field 22. */
  readonly startTime: number;
}

/**
 * The calling thread.
 *
 * @throws MmapError: EOPNOTSUPP where /proc is missing, or that of another pid namespace; EMFILE, ENFILE, ENOMEM
 */
export function threadIdentity(): ThreadIdentity {
  return requireResult(addon().threadIdentity(), {});
}

/**
 * Whether the thread still runs. False is certain. True also stands for a number in use whose owner /proc hides from
 * this user (proc(5), hidepid). Asked from another PID namespace the answer means nothing.
 *
 * Without a start time: whether any thread has the number. That takes one system call, tgkill(2); the whole answer reads a
 * file of /proc.
 *
 * @throws TypeError, RangeError: `identity` is none
 */
export function isThreadAlive(
  identity: Pick<ThreadIdentity, 'pid' | 'tid'> & Partial<ThreadIdentity>,
): boolean {
  const { pid, tid, startTime } = requireObject(identity, 'identity') as Record<
    keyof ThreadIdentity,
    unknown
  >;
  return addon().isThreadAlive(
    requireThreadNumber(pid, 'identity.pid'),
    requireThreadNumber(tid, 'identity.tid'),
    startTime === undefined ? undefined : requireWhole(startTime, 'identity.startTime'),
  );
}
