/*
 * One setup at a time in one checkout. The lock is a folder (mkdir either makes it or fails, on every file system),
 * with the owner's name in it. The owner touches it while it works; a lock whose owner is gone, or that nobody
 * touched for a while, is stale and is taken away by whoever waits for it.
 */
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './report.mjs';
import { STATE_DIR } from './workspace.mjs';

const LOCK = join(STATE_DIR, 'lock');
const OWNER = join(LOCK, 'owner');
const BREAKER = join(STATE_DIR, 'lock-breaker');
const TOUCH_MS = 2_000;
const STALE_MS = 60_000;
const POLL_MS = 200;

function makeDir(path) {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function remove(path) {
  rmSync(path, { recursive: true, force: true });
}

function millisecondsSinceTouched(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Date.now() - stat.mtimeMs;
}

function readOwner() {
  try {
    const [host, pid] = readFileSync(OWNER, 'utf8').split(' ');
    return { host, pid: Number(pid) };
  } catch {
    return undefined;
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function isStale() {
  const owner = readOwner();
  if (owner !== undefined && owner.host === hostname() && !isRunning(owner.pid)) return true;
  return millisecondsSinceTouched(LOCK) > STALE_MS;
}

/** Judges again while no other waiter can, so that a lock which somebody has just taken is not broken. */
function breakStaleLock() {
  if (!makeDir(BREAKER)) {
    if (millisecondsSinceTouched(BREAKER) > STALE_MS) remove(BREAKER);
    return;
  }
  if (isStale()) remove(LOCK);
  remove(BREAKER);
}

async function takeLock() {
  mkdirSync(STATE_DIR, { recursive: true });
  let waiting = false;
  while (!makeDir(LOCK)) {
    if (isStale()) {
      breakStaleLock();
      continue;
    }
    if (!waiting)
      say(`waiting for another setup of this checkout (process ${readOwner()?.pid ?? 'starting'})`);
    waiting = true;
    await sleep(POLL_MS);
  }
  writeFileSync(OWNER, `${hostname()} ${process.pid}`);
}

function touchLock() {
  const now = new Date();
  try {
    utimesSync(LOCK, now, now);
  } catch {
    // Somebody took the lock away: nothing to keep alive. The work itself goes on; its steps can be repeated.
  }
}

export async function withLock(work) {
  await takeLock();
  const release = () => {
    if (readOwner()?.pid === process.pid) remove(LOCK);
  };
  const timer = setInterval(touchLock, TOUCH_MS);
  process.once('exit', release);
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.once(signal, () => process.exit(status));
  }
  try {
    await work();
  } finally {
    clearInterval(timer);
    release();
  }
}
