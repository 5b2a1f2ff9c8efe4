// What must be true of a pool while nobody works on it: every block that somebody knows of is live, once, and holds what was
// written into it; every other live block was in the hands of a thread that died, and of those there are no more than the dead
// can have had. These are freed. And what must be left when all blocks are: nothing.

import { fstatSync } from 'node:fs';
import type { Vmem } from '@vmem-ts/vmem-api';
import { Cookies } from './cookies';
import { LOST, MOST_BYTES, entriesOf, ledgerMemory, markOf, ptrOf } from './ledger';
import { requireBalance, type PoolShare } from './load';

export interface TrialPool {
  readonly pool: Vmem;
  readonly share: PoolShare;
  readonly words: Int32Array;
  readonly cookies: Cookies;
  readonly fresh: { readonly pagesFree: number; readonly backed: number; readonly largest: number };
}

export interface Audit {
  /** Blocks that nobody knew of. */
  readonly found: number;
  readonly fileBytes: number;
  /** Bytes of live blocks to those that the pool has storage for. */
  readonly liveShare: number;
  /** Part of the pages in use that is in no live block. */
  readonly fragmentation: number;
}

export function openPool(pool: Vmem, id: number): TrialPool {
  if (pool.size > MOST_BYTES) throw new Error(`a pool of at most ${MOST_BYTES} bytes, not ${pool.size}`);
  const largest = largestBlock(pool);
  pool.purge();
  const { pagesFree, backed } = pool.stats();
  const ledger = ledgerMemory();
  return {
    pool,
    share: { id, handle: pool.handle, ledger, bytes: pool.size },
    words: new Int32Array(ledger),
    cookies: new Cookies(pool),
    fresh: { pagesFree, backed, largest },
  };
}

/** To be called while no thread is inside a call of the pool. */
export function auditPool(trial: TrialPool): Audit {
  const { pool, share, words } = trial;
  const fail = (what: string): never => {
    throw new Error(`pool ${share.id}: ${what}`);
  };
  const { result, problems } = pool.checkReport();
  if (result !== 1) fail(problems[0]?.message ?? `check: ${result}`);
  const live = new Map<number, number>();
  for (const { ptr, size } of pool.blocks()) live.set(ptr, size);
  for (const { at, entry } of entriesOf(words)) {
    const ptr = ptrOf(entry);
    const size = trial.cookies.sizeAt(ptr, markOf(entry));
    const room = live.get(ptr);
    if (room === undefined) fail(`block ${ptr}, in place ${at}, is not live, or in another place, too`);
    if (size < 0 || size > room!)
      fail(`block ${ptr} of ${room} bytes does not hold what was written into it`);
    live.delete(ptr);
  }
  if (live.size > words[LOST])
    fail(`${live.size} live blocks that nobody has; the dead had ${words[LOST]} at most`);
  words[LOST] = 0;
  for (const ptr of live.keys()) pool.free(ptr);
  const stats = requireBalance(pool);
  return {
    found: live.size,
    fileBytes: fileBytesOf(pool),
    liveShare: stats.live / stats.backed,
    fragmentation: 1 - stats.live / (stats.backed - stats.pagesFree),
  };
}

/** Frees every block, expects the pool to be as it was at first, and deletes it. The caller's thread is the last one. */
export function closePool(trial: TrialPool): void {
  const { pool, share, words, cookies, fresh } = trial;
  auditPool(trial);
  const fail = (what: string): never => {
    throw new Error(`pool ${share.id}, when all blocks were freed: ${what}`);
  };
  for (const { at, entry } of entriesOf(words)) {
    if (cookies.sizeAt(ptrOf(entry), markOf(entry)) < 0) fail(`block ${ptrOf(entry)} was damaged`);
    pool.free(ptrOf(entry));
    words[at] = 0;
  }
  if (pool.malloc(pool.size) !== 0) fail('it gave a block of its own size'); // empties all caches
  const { live, liveBlocks, threads, cached, slabFree, pagesFree, backed } = requireBalance(pool);
  const left = { live, liveBlocks, cached, slabFree, threads: threads - 1 };
  for (const [name, count] of Object.entries(left))
    if (count !== 0) fail(`stats.${name} is ${count} too many`);
  if (backed === fresh.backed && pagesFree !== fresh.pagesFree)
    fail(`${pagesFree} bytes in free pages, not ${fresh.pagesFree}`);
  const { result, problems } = pool.checkReport();
  if (result !== 1) fail(problems[0]?.message ?? `check: ${result}`);
  const large = pool.malloc(Math.floor(0.97 * fresh.largest));
  if (large === 0) fail(`no block of 97 % of the ${fresh.largest} bytes that it had at first`);
  pool.free(large);
  pool.delete();
}

/** Bytes of the largest block that the pool can give. */
function largestBlock(pool: Vmem): number {
  let [fits, fails] = [0, pool.size];
  while (fails - fits > 4096) {
    const size = Math.floor((fits + fails) / 2);
    const ptr = pool.malloc(size);
    if (ptr === 0) fails = size;
    else {
      pool.free(ptr);
      fits = size;
    }
  }
  return fits;
}

/** What the pool's file takes; of a pool without a file, what it has storage for. */
function fileBytesOf(pool: Vmem): number {
  const { fd } = pool.handle;
  return fd < 0 ? pool.stats().backed : fstatSync(fd).blocks * 512;
}
