import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isThreadAlive, threadIdentity } from '@vmem-ts/mmap-helper';
import type { ThreadIdentity } from '@vmem-ts/mmap-helper';
import { describeWithAddon } from './support/with-addon.js';
import { exitOf, nextMessage, startWorker, workerScript } from './support/worker.js';

/** A thread's number is free again a moment after its worker's exit event. */
async function isSoonGone(identity: Parameters<typeof isThreadAlive>[0]): Promise<boolean> {
  const patience = Date.now() + 10_000;
  while (isThreadAlive(identity) && Date.now() < patience) await new Promise((later) => setTimeout(later, 1));
  return !isThreadAlive(identity);
}

describeWithAddon('threadIdentity', () => {
  it('tells the same of a thread each time', () => {
    expect(threadIdentity()).toEqual(threadIdentity());
    expect(threadIdentity().pid).toBe(process.pid);
    expect(threadIdentity().startTime).toBeGreaterThan(0);
  });

  it('differs between threads of a process', async () => {
    const worker = startWorker('identity-teller', null);
    const identity = (await nextMessage(worker)) as ThreadIdentity;
    expect(identity.pid).toBe(process.pid);
    expect(identity.tid).not.toBe(threadIdentity().tid);
    await worker.terminate();
  });
});

describeWithAddon('isThreadAlive', () => {
  it('is true for the calling thread', () => {
    expect(isThreadAlive(threadIdentity())).toBe(true);
  });

  it('is true for a worker until it has ended', async () => {
    const worker = startWorker('identity-teller', null);
    const identity = (await nextMessage(worker)) as ThreadIdentity;
    expect(isThreadAlive(identity)).toBe(true);
    const exit = exitOf(worker);
    await worker.terminate();
    await exit;
    expect(await isSoonGone(identity)).toBe(true);
  });

  it('is false for another thread that has the number now', () => {
    const { pid, tid, startTime } = threadIdentity();
    expect(isThreadAlive({ pid, tid, startTime: startTime - 1 })).toBe(false);
    expect(isThreadAlive({ pid, tid, startTime: startTime + 1 })).toBe(false);
  });

  it('is false for numbers that nobody has', () => {
    expect(isThreadAlive({ pid: 2 ** 31 - 1, tid: 2 ** 31 - 1, startTime: 1 })).toBe(false);
    expect(isThreadAlive({ ...threadIdentity(), pid: 1 })).toBe(false);
  });

  it('tells without a start time whether any thread has the number', () => {
    const { pid, tid, startTime } = threadIdentity();
    expect(isThreadAlive({ pid, tid })).toBe(true);
    expect(isThreadAlive({ pid: 2 ** 31 - 1, tid: 2 ** 31 - 1 })).toBe(false);
    expect(isThreadAlive({ pid: 1, tid })).toBe(false); // of another process
    expect(isThreadAlive({ pid, tid, startTime: startTime + 1 })).toBe(false); // an earlier or later one, not this
  });

  it('is false without a start time for a worker that has ended', async () => {
    const worker = startWorker('identity-teller', null);
    const { pid, tid } = (await nextMessage(worker)) as ThreadIdentity;
    expect(isThreadAlive({ pid, tid })).toBe(true);
    await worker.terminate();
    expect(await isSoonGone({ pid, tid })).toBe(true);
  });

  it('sees threads of other processes', async () => {
    const child = spawn(process.execPath, [workerScript('identity-printer')], { stdio: 'pipe' });
    const [text] = (await once(child.stdout, 'data')) as [Buffer];
    const identity = JSON.parse(text.toString()) as ThreadIdentity;
    expect(identity.pid).toBe(child.pid);
    expect(isThreadAlive(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isThreadAlive(identity)).toBe(false);
  });
});
