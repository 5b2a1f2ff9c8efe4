// Pools as libvmem makes, checks and ends them. vmem_create(3)

import { MAX_REGION, VmemError, describe, type CheckReport } from '@vmem-ts/allocator';
import { rememberMessage } from '../c/errno';
import { LogLevel } from '../c/log';
import { sizeOf } from '../c/size';
import { startOf } from '../c/region';
import type { VmemHandle } from '../pool/handle';
import { VMEM_MIN_POOL } from '../pool/limits';
import { Vmem, isVmem, type VmemRegion } from '../vmem';
import { failedIn, log, traceCall, traceResult } from './log';
import { forgetPool, nameOf, recordPool } from './pool-record';
import { rememberRegion, sharersOf } from './shared-regions';

/** C's `VMEM *` is the pool itself, as the calling thread has it; NULL is null. Each thread needs one of its own. */
export type VMEM = Vmem;

const ERRORS = log.level >= LogLevel.errors;
const OPERATIONS = log.level >= LogLevel.operations;

/**
 * Makes a pool in an unnamed temporary file in the directory `dir`. The space is really allocated; it is free again after
 * `vmem_delete`, or when the process ends, however it ends. `vmem_createU` and `vmem_createW` are the same function: there
 * is one kind of string here. vmem_create(3)
 *
 * `dir` may be the path of a DAX device: then all of it is the pool, or as much as this runtime has buffers for, whatever
 * `size` says; `info()` tells.
 *
 * @param size bytes, at least `VMEM_MIN_POOL`; rounded up to whole pages
 * @returns null with errno EINVAL: less than that; ENOENT, ENOTDIR, EACCES, EROFS, EMFILE: `dir`; EBUSY, ENODEV, EIO: a
 *   device that is in use, is no DAX device, or does not tell its size; ENOSPC, EDQUOT, EFBIG: no room for the file; ENOMEM:
 *   none for it among the process' addresses or mappings, or no memory on the side; ENOTSUP: this runtime shares no buffer
 *   of that size
 */
export function vmem_create(dir: string, size: number): VMEM | null {
  if (OPERATIONS) traceCall(LogLevel.operations, 'vmem_create', dir, size);
  let pool: VMEM;
  try {
    const bytes = poolBytes(size);
    if (dir === '' && bytes >= VMEM_MIN_POOL)
      throw new VmemError('ENOENT', 'dir: an empty path names nothing');
    pool = recorded(dir, Vmem.create(dir, bytes));
  } catch (error) {
    return log.failed('vmem_create', error, null);
  }
  return OPERATIONS ? traceResult('vmem_create', pool, LogLevel.operations) : pool;
}

/**
 * Makes a pool in the first `size` bytes of the caller's memory, whose contents are lost. `vmem_delete` leaves the memory to
 * the caller. Other threads can attach if it is a SharedArrayBuffer. vmem_create_in_region(3)
 *
 * @param addr a SharedArrayBuffer, an ArrayBuffer, or a view, which begins at a multiple of 4096
 * @param size bytes, at least `VMEM_MIN_POOL`, and no more than there are; bytes behind the last whole page are not used
 * @returns null with errno EINVAL, or ENOMEM: no memory on the side
 */
export function vmem_create_in_region(addr: VmemRegion, size: number): VMEM | null {
  if (OPERATIONS) traceCall(LogLevel.operations, 'vmem_create_in_region', addr, size);
  let pool: VMEM;
  try {
    pool = recorded('a region', Vmem.createInRegion(startOf(addr, sizeOf(size))));
    rememberRegion(pool);
  } catch (error) {
    return log.failed('vmem_create_in_region', error, null);
  }
  return OPERATIONS ? traceResult('vmem_create_in_region', pool, LogLevel.operations) : pool;
}

/**
 * Attaches the calling thread to the pool whose `handle` came from another one: `vmp.handle`, by `workerData` or
 * `postMessage`. Not in C, whose threads have all memory in common.
 *
 * @returns null with errno EINVAL: no handle; EBADF: its pool was deleted; EAGAIN: 127 threads are attached; ENOMEM: no room
 *   for this thread's cache, or no memory on the side; ENOTSUP: this thread can't have the pool's memory
 */
export function vmem_attach(handle: VmemHandle): VMEM | null {
  if (OPERATIONS) traceCall(LogLevel.operations, 'vmem_attach', handle);
  let pool: VMEM;
  try {
    pool = recorded('attached', Vmem.attach(handle), (attached) => attached.detach());
  } catch (error) {
    return log.failed('vmem_attach', error, null);
  }
  return OPERATIONS ? traceResult('vmem_attach', pool, LogLevel.operations) : pool;
}

/**
 * The calling thread is done with the pool: what it has cached goes back. Blocks stay live for other threads. Not in C. A
 * thread that ends, or drops its VMEM, detaches by that.
 *
 * After `vmem_delete` errno is EBADF; EINVAL if `vmp` is no pool.
 */
export function vmem_detach(vmp: VMEM | null): void {
  if (OPERATIONS) traceCall(LogLevel.operations, 'vmem_detach', vmp);
  end('vmem_detach', vmp, (pool) => pool.detach());
}

/**
 * Ends the pool for all threads, and gives its file's space back at once. Views that are left are safe, and read zeros; every
 * other use of the pool, in whichever thread, fails with EBADF. A thread that deletes a pool which another one has deleted
 * lets go of it by that. vmem_delete(3)
 *
 * Where C leaves it undefined errno is EBADF: the pool was deleted here before; or EINVAL: `vmp` is no pool.
 */
export function vmem_delete(vmp: VMEM | null): void {
  if (OPERATIONS) traceCall(LogLevel.operations, 'vmem_delete', vmp);
  end('vmem_delete', vmp, (pool) => pool.delete());
}

/**
 * Checks all of the pool's own data, and changes nothing; other threads wait while these are copied, in a pool of more than
 * a GiB for the whole check. What is wrong is logged from level 1 on, and to be had from `vmp.checkReport()`. vmem_check(3)
 *
 * @returns 1: the pool is consistent; 0: it is not, and `vmem_errormsg` tells the first of what was found; -1: it could not
 *   be checked, with errno EBADF: it was deleted, or EINVAL: `vmp` is no pool
 */
export function vmem_check(vmp: VMEM | null): 1 | 0 | -1 {
  if (OPERATIONS) traceCall(LogLevel.operations, 'vmem_check', vmp);
  let report: CheckReport;
  let sharers: Vmem[];
  try {
    report = requirePool(vmp).checkReport();
    sharers = sharersOf(vmp!);
  } catch (error) {
    return failedIn('vmem_check', vmp, error, -1);
  }
  const overlaps = sharers.map((other) => `${nameOf(other)} lies in the memory of this pool, too`);
  const problems = [
    ...overlaps,
    ...report.problems.map(({ invariant, message }) => `${invariant} ${message}`),
  ];
  problems.forEach((problem, i) => {
    if (i === 0) rememberMessage(problem);
    if (ERRORS) log.line(LogLevel.errors, 'vmem_check', problem);
  });
  const result = overlaps.length > 0 ? 0 : report.result;
  return OPERATIONS ? traceResult('vmem_check', result, LogLevel.operations) : result;
}

/** @throws VmemError ENOMEM for more than any pool has */
function poolBytes(size: number): number {
  const bytes = sizeOf(size);
  if (typeof bytes !== 'number' || !(bytes > MAX_REGION)) return bytes;
  throw new VmemError('ENOMEM', `size: there is no memory for a pool of ${size} bytes`);
}

/** A pool that there is a record of; without memory for that there is none, either. */
function recorded(
  name: string,
  pool: VMEM,
  undo: (pool: VMEM) => void = (made) => {
    made.delete();
  },
): VMEM {
  try {
    recordPool(pool, name);
    return pool;
  } catch (error) {
    undo(pool);
    throw error;
  }
}

function end(name: string, vmp: VMEM | null, act: (pool: VMEM) => void): void {
  try {
    requireUndeleted(requirePool(vmp));
    try {
      act(vmp!);
    } finally {
      forgetPool(vmp!);
    }
  } catch (error) {
    failedIn(name, vmp, error, undefined);
  }
}

function requirePool(vmp: unknown): VMEM {
  if (isVmem(vmp)) return vmp;
  throw new VmemError('EINVAL', `vmp: expected a pool, got ${describe(vmp)}`);
}

/** @throws VmemError ECLOSED after `delete` in this thread */
const requireUndeleted = (pool: VMEM): unknown => pool.buffer;
