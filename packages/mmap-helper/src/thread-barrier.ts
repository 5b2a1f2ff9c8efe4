/*
 * A memory fence in all threads at once, for algorithms with one side that runs often and one that runs seldom.
 */
import { addon } from './addon.js';

/**
 * Has every other thread of the process that is running execute a full memory fence, and the calling one too: what a
 * thread wrote before its fence is visible after the call, and what the caller wrote before the call is visible to what a
 * thread reads after its fence. So a fast path may write its own word and then read another one with plain accesses; the
 * slow path writes that other word, calls this, reads the fast paths' words, and one of both sees the other.
 *
 * Compilers are not ordered by it: between its write and its read, the fast path relies on V8 to emit accesses of typed
 * arrays in the order of the program, which it does. Costs a system call, and an interrupt of each other processor that runs
 * a thread of this process: microseconds, more in a virtual machine. membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED
 *
 * @returns false if there was no fence: the kernel is older than 4.14, or refuses. It is the same for each call of a
 *   process, so ask once, before fast paths begin to rely on it
 */
export function threadBarrier(): boolean {
  return addon().threadBarrier();
}
