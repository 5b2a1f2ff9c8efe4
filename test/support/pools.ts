// Pools of each kind for tests that hold on all of them; every pool is deleted when its test ends.

import { fstatSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { VMEM_MIN_POOL, Vmem, type BackendName, type VmemOptions } from '@vmem-ts/vmem-api';

export const MIB = 2 ** 20;
export const PAGE = 4096;
export const NODE_MAJOR = Number(process.versions.node.split('.')[0]);

/** Where the tests' pools are; a real file system, that of the temporary files unless the environment says another. */
export const POOL_DIR = process.env['VMEM_TEST_DIR'] ?? tmpdir();

export interface PoolKind {
  readonly name: BackendName;
  create(size?: number, options?: Omit<VmemOptions, 'backend'>): Vmem;
}

const made: Vmem[] = [];

afterEach(() => {
  for (const pool of made.splice(0)) pool.delete();
});

/** What the pool's file takes of its file system. */
export const fileBytes = (pool: Vmem): number => fstatSync(pool.handle.fd).blocks * 512;

/** Has the pool deleted when the test ends. */
export function tracked(pool: Vmem): Vmem {
  made.push(pool);
  return pool;
}

/** A pool in a file. */
export function filePool(size = 16 * MIB, options: VmemOptions = {}): Vmem {
  return tracked(Vmem.create(POOL_DIR, size, { backend: 'overlay', ...options }));
}

const KINDS: readonly PoolKind[] = [
  { name: 'overlay', create: (size, options) => filePool(size, options) },
  { name: 'anonymous', create: (size, options) => filePool(size, { ...options, backend: 'anonymous' }) },
  {
    name: 'region',
    create: (size = 16 * MIB, options = {}) =>
      tracked(Vmem.createInRegion(new SharedArrayBuffer(size), options)),
  },
  { name: 'mmap-io', create: (size, options) => filePool(size, { ...options, backend: 'mmap-io' }) },
];

/** Why pools of that kind can't be had here; empty if they can. */
function reasonNotTo(kind: PoolKind): string {
  try {
    kind.create(VMEM_MIN_POOL).delete();
    return '';
  } catch (error) {
    return (error as Error).message.split('\n')[0] ?? '';
  }
}

/** A block of tests for each kind of pool; a kind that can't be had here is left out with the reason printed. */
export function describeEachKind(
  title: string,
  tests: (kind: PoolKind) => void,
  names?: BackendName[],
): void {
  for (const kind of KINDS) {
    if (names !== undefined && !names.includes(kind.name)) continue;
    const reason = reasonNotTo(kind);
    const mayBeMissing = kind.name === 'mmap-io' || process.env['VMEM_TEST_WITHOUT_ADDON'] === '1';
    if (reason !== '' && mayBeMissing) {
      process.stdout.write(`skipped: ${title}, ${kind.name}: ${reason}\n`);
      describe.skip(`${title} (${kind.name}: ${reason})`, () => {
        it('is left out', () => {});
      });
    } else {
      describe(`${title} (${kind.name})`, () => {
        tests(kind);
      });
    }
  }
}

/** A block of tests of pools in files, left out where the addon can't be built. */
export const describeFiles = process.env['VMEM_TEST_WITHOUT_ADDON'] === '1' ? describe.skip : describe;

/** What the package mmap-io exports of what the tests use, or why it can't be loaded. */
export interface MmapIo {
  map(size: number, protection: number, flags: number, fd: number): Buffer;
  readonly PROT_READ: number;
  readonly MAP_SHARED: number;
}

export function loadMmapIo(): MmapIo | string {
  try {
    const loaded = createRequire(__filename)('mmap-io') as MmapIo | { default: MmapIo };
    return 'default' in loaded ? loaded.default : loaded;
  } catch (error) {
    return (error as Error).message.split('\n')[0] ?? 'unknown';
  }
}

/** Nothing is live any more, and the books balance. */
export function expectEmptyAndWhole(pool: Vmem): void {
  expect(pool.checkReport()).toMatchObject({ result: 1, problems: [] });
  expect(pool.stats()).toMatchObject({ live: 0, liveBlocks: 0 });
}
