// Kinds on real files for tests; every kind is destroyed when its test ends.

import {
  MEMKIND_PMEM_MIN_SIZE,
  MEMKIND_SUCCESS,
  memkind_attach,
  memkind_config_delete,
  memkind_config_new,
  memkind_config_set_memory_usage_policy,
  memkind_config_set_path,
  memkind_config_set_size,
  memkind_create_pmem,
  memkind_create_pmem_with_config,
  memkind_destroy_kind,
  memkind_free,
  memkind_malloc,
  memkind_view,
  type Out,
  type PmemKind,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import { POOL_DIR } from './pools';
import { startWorker } from './worker';

export const KIB = 1024;
/** A little more than the least limit, so that it is rounded up to whole chunks. */
export const PART_SIZE = MEMKIND_PMEM_MIN_SIZE + 4 * KIB;

const made: PmemKind[] = [];

afterEach(() => {
  for (const kind of made.splice(0)) kind.delete();
});

/** Has the kind destroyed when the test ends. */
export function trackedKind(kind: memkind_t | null): PmemKind {
  made.push(kind as PmemKind);
  return kind as PmemKind;
}

/** A place for a result, with nothing in it. */
export const nowhere = (): Out<memkind_t | null> => ({ value: null });

export function newKind(limit = PART_SIZE, dir = POOL_DIR): PmemKind {
  const out = nowhere();
  expect(memkind_create_pmem(dir, limit, out)).toBe(MEMKIND_SUCCESS);
  return trackedKind(out.value);
}

export function newKindOfPolicy(policy: number, limit = PART_SIZE): PmemKind {
  const out = nowhere();
  const cfg = memkind_config_new();
  memkind_config_set_path(cfg, POOL_DIR);
  memkind_config_set_size(cfg, limit);
  memkind_config_set_memory_usage_policy(cfg, policy);
  expect(memkind_create_pmem_with_config(cfg, out)).toBe(MEMKIND_SUCCESS);
  memkind_config_delete(cfg);
  return trackedKind(out.value);
}

/** Blocks of these sizes by turns until memory is out. */
export function fill(kind: memkind_t, ...sizes: readonly number[]): number[] {
  const blocks: number[] = [];
  for (;;) {
    const ptr = memkind_malloc(kind, sizes[blocks.length % sizes.length]);
    if (ptr === 0) return blocks;
    blocks.push(ptr);
  }
}

export function freeAll(kind: memkind_t | null, blocks: readonly number[]): void {
  for (const ptr of blocks) memkind_free(kind, ptr);
}

export function bytesOf(ptr: number, length: number): Uint8Array {
  const view = memkind_view(Uint8Array, ptr, length);
  if (view === null) throw new Error(`no block of ${length} bytes at ${ptr}`);
  return view;
}

export function expectDestroyed(kind: memkind_t): void {
  expect(memkind_destroy_kind(kind)).toBe(MEMKIND_SUCCESS);
}

/** The kind of a handle, as another attachment of a thread that has none. */
export function attachKind(handle: PmemKind['handle']): PmemKind {
  const out = nowhere();
  expect(memkind_attach(handle, out)).toBe(MEMKIND_SUCCESS);
  return trackedKind(out.value);
}

/** Starts a compiled script of test/conformance/memkind/workers. */
export const startKindWorker = (name: string, workerData: unknown, options?: WorkerOptions): Worker =>
  startWorker(`../../conformance/memkind/workers/${name}`, workerData, options);
