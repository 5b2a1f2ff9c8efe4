// Making kinds, ending them, and what can be asked about one. memkind(3), KIND MANAGEMENT

import { totalmem } from 'node:os';
import { VmemError, describe } from '@vmem-ts/allocator';
import { sizeOf } from '../c/size';
import { startOf } from '../c/region';
import type { VmemRegion } from '../vmem';
import {
  MEMKIND_ERROR_INVALID,
  MEMKIND_ERROR_OPERATION_FAILED,
  MEMKIND_ERROR_UNAVAILABLE,
  MEMKIND_SUCCESS,
} from './codes';
import { policyOf, requireConfig, type MemkindConfig } from './config';
import { attempt, note } from './failures';
import { requireKind, type memkind_t } from './handles';
import { allowZeroAllocs } from './kind-id';
import { requireOut, setOut, type Out } from '../c/out';
import { PmemKind, isPmemKind, kinds, type PmemKindHandle } from './pmem-kind';
import { isStaticKind } from './static-kinds';

/**
 * A kind in a file without a name in the directory `dir`. `max_size` bytes, rounded up to MEMKIND_PMEM_CHUNK_SIZE, are the
 * limit up to which it grows; 0: what the file system and the process' addresses allow.
 *
 * MEMKIND_ERROR_INVALID: a limit below MEMKIND_PMEM_MIN_SIZE, or no file can be made in `dir` (errno says why);
 * MEMKIND_ERROR_MMAP: no room on the file system or among the addresses; MEMKIND_ERROR_TOOMANY; MEMKIND_ERROR_RUNTIME.
 * On failure `kind` is left as it is. memkind_create_pmem(3)
 */
export function memkind_create_pmem(dir: string, max_size: number, kind: Out<memkind_t | null>): number {
  return attempt(() => {
    requireOut(kind, 'kind');
    setMade(kind, PmemKind.create(dir, sizeOf(max_size)));
  });
}

/** The same of a configuration. memkind_create_pmem_with_config(3) */
export function memkind_create_pmem_with_config(cfg: MemkindConfig, kind: Out<memkind_t | null>): number {
  return attempt(() => {
    requireOut(kind, 'kind');
    const config = requireConfig(cfg);
    setMade(kind, PmemKind.create(config.pmem_dir, config.pmem_size, policyOf(config)));
  });
}

/**
 * A kind in the first `size` bytes of the caller's memory. Unlike in C these are at least 14 MiB, and begin at a page.
 * memkind_create_fixed(3)
 */
export function memkind_create_fixed(addr: VmemRegion, size: number, kind: Out<memkind_t | null>): number {
  return attempt(() => {
    requireOut(kind, 'kind');
    setMade(kind, PmemKind.createFixed(startOf(addr, sizeOf(size))));
  });
}

/** Without a holder that can be written to there is no kind. */
function setMade(out: Out<memkind_t | null>, made: PmemKind): void {
  setOut<memkind_t | null>(out, made, 'kind', () => {
    made.delete();
  });
}

/**
 * Ends a kind for all threads; its blocks are gone, and its file's space is free.
 *
 * One of those that are there without being made stays, and that is no error. MEMKIND_ERROR_OPERATION_FAILED: it is no
 * kind, or has been destroyed already.
 * memkind_destroy_kind(3)
 */
export function memkind_destroy_kind(kind: memkind_t | null): number {
  return attempt(
    () => {
      if (isStaticKind(kind)) return;
      const own = requireOwn(kind);
      const wasOpen = own.isOpen;
      own.delete();
      if (!wasOpen) throw closedKind();
    },
    () => MEMKIND_ERROR_OPERATION_FAILED,
  );
}

/** The kind whose `handle` came from another thread. Not in C, where threads share all kinds. */
export function memkind_attach(handle: PmemKindHandle, kind: Out<memkind_t | null>): number {
  return attempt(() => {
    requireOut(kind, 'kind');
    const before = new Set(kinds);
    const attached = PmemKind.attach(handle);
    setOut<memkind_t | null>(kind, attached, 'kind', () => {
      if (!before.has(attached)) attached.detach();
    });
  });
}

/** This thread is done with the kind; its blocks stay live for the others. Not in C. */
export function memkind_detach(kind: memkind_t | null): number {
  return attempt(
    () => {
      const own = requireOwn(kind);
      if (kinds.get(own.id) !== own) throw new VmemError('ECLOSED', 'this thread has detached already');
      own.detach();
    },
    () => MEMKIND_ERROR_OPERATION_FAILED,
  );
}

const closedKind = (): VmemError =>
  new VmemError('ECLOSED', 'the kind was destroyed, or this thread has detached');

function requireOwn(kind: memkind_t | null): PmemKind {
  if (isPmemKind(kind)) return kind;
  const what = isStaticKind(kind) ? kind.name : describe(kind);
  throw new VmemError('EINVAL', `kind: expected one that was made or attached to, got ${what}`);
}

/** MEMKIND_SUCCESS, MEMKIND_ERROR_UNAVAILABLE, or MEMKIND_ERROR_INVALID for no kind. memkind_check_available(3) */
export function memkind_check_available(kind: memkind_t | null): number {
  if (isStaticKind(kind)) return kind.isAvailable ? MEMKIND_SUCCESS : MEMKIND_ERROR_UNAVAILABLE;
  if (isPmemKind(kind)) return kind.isOpen ? MEMKIND_SUCCESS : MEMKIND_ERROR_UNAVAILABLE;
  note(new VmemError('EINVAL', `kind: expected a memkind_t, got ${describe(kind)}`));
  return MEMKIND_ERROR_INVALID;
}

/**
 * Bytes of the memory that a kind allocates from: its limit, or the size of its file system; the caller's memory; the
 * machine's. -1 on failure. memkind_get_capacity(3)
 */
export function memkind_get_capacity(kind: memkind_t | null): number {
  try {
    if (isStaticKind(kind) && kind.isAvailable) return totalmem();
    const { isOpen, capacity } = requireKind(kind);
    if (isOpen) return capacity;
    throw closedKind();
  } catch (error) {
    note(error);
    return -1;
  }
}

/** Whether requests for no bytes get a block of that kind, in every thread; without it they get NULL. memkind(3) */
export function memkind_set_allow_zero_allocs(kind: memkind_t | null, allow_zero_allocs: boolean): void {
  try {
    const { id, isOpen } = requireKind(kind);
    if (!isOpen) throw closedKind();
    allowZeroAllocs(id, allow_zero_allocs);
  } catch (error) {
    note(error);
  }
}

/**
 * Nothing here works in the background: `conservative` gives pages back in calls that free. So there is nothing to switch.
 * memkind_set_bg_threads(3)
 */
export function memkind_set_bg_threads(state: boolean): number {
  return attempt(() => {
    if (typeof state !== 'boolean')
      throw new VmemError('EINVAL', `state: expected a boolean, got ${describe(state)}`);
  });
}
