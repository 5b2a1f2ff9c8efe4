// Configurations of kinds, what the policy `conservative` does, and MEMKIND_HOG_MEMORY.

import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import {
  MEMKIND_ERROR_INVALID,
  MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE,
  MEMKIND_MEM_USAGE_POLICY_DEFAULT,
  MEMKIND_MEM_USAGE_POLICY_MAX_VALUE,
  MEMKIND_PMEM_MIN_SIZE,
  MEMKIND_SUCCESS,
  errno,
  memkind_config_delete,
  memkind_config_new,
  memkind_config_set_memory_usage_policy,
  memkind_config_set_path,
  memkind_config_set_size,
  memkind_create_pmem_with_config,
  memkind_free,
  memkind_malloc,
  setErrno,
  type PmemKind,
} from '@vmem-ts/vmem-api/memkind';
import {
  KIB,
  PART_SIZE,
  expectDestroyed,
  fill,
  freeAll,
  newKindOfPolicy,
  nowhere,
  startKindWorker,
  trackedKind,
} from '../../support/kinds';
import { MIB, POOL_DIR, describeFiles } from '../../support/pools';
import { nextMessage } from '../../support/worker';
import type { Storage } from './workers/storage-watcher';

const { EINVAL, ENOENT } = constants.errno;
const DEFAULT = MEMKIND_MEM_USAGE_POLICY_DEFAULT;
const CONSERVATIVE = MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE;

const fileBytes = (kind: PmemKind): number => fstatSync(kind.handle.pool.fd).blocks * 512;

describeFiles('memkind_config', () => {
  it('create and destroy empty config', () => {
    const cfg = memkind_config_new();
    expect(cfg).toMatchObject({ pmem_dir: '', pmem_size: 0, policy: DEFAULT });
    memkind_config_delete(cfg);
    memkind_config_delete(null);
  });

  it('set path, size and policy', () => {
    const cfg = memkind_config_new();
    memkind_config_set_path(cfg, POOL_DIR);
    memkind_config_set_size(cfg, 100 * MIB);
    memkind_config_set_memory_usage_policy(cfg, CONSERVATIVE);
    expect(cfg).toMatchObject({ pmem_dir: POOL_DIR, pmem_size: 100 * MIB, policy: CONSERVATIVE });
    memkind_config_set_size(cfg, 0);
    memkind_config_set_memory_usage_policy(cfg, DEFAULT);
    expect(cfg).toMatchObject({ pmem_size: 0, policy: DEFAULT });
  });

  const failing = (dir: string, size: number, policy: number): [status: number, errno: number] => {
    const cfg = memkind_config_new();
    memkind_config_set_path(cfg, dir);
    memkind_config_set_size(cfg, size);
    memkind_config_set_memory_usage_policy(cfg, policy);
    const out = nowhere();
    setErrno(0);
    const status = memkind_create_pmem_with_config(cfg, out);
    expect(out.value).toBe(null);
    memkind_config_delete(cfg);
    return [status, errno()];
  };

  it('create pmem with params: wrong directory, size, policy', () => {
    expect(failing('/temp/no such directory', 0, DEFAULT)).toEqual([MEMKIND_ERROR_INVALID, ENOENT]);
    expect(failing(POOL_DIR, MEMKIND_PMEM_MIN_SIZE - 1, DEFAULT)).toEqual([MEMKIND_ERROR_INVALID, EINVAL]);
    for (const policy of [MEMKIND_MEM_USAGE_POLICY_MAX_VALUE, -1, NaN, 'conservative' as never]) {
      expect(failing(POOL_DIR, MEMKIND_PMEM_MIN_SIZE, policy)).toEqual([MEMKIND_ERROR_INVALID, EINVAL]);
    }
  });

  it('create pmem with params: what is no configuration, or was deleted', () => {
    const deleted = memkind_config_new();
    memkind_config_set_path(deleted, POOL_DIR);
    memkind_config_delete(deleted);
    for (const wrong of [deleted, null as never, {} as never]) {
      expect(memkind_create_pmem_with_config(wrong, nowhere())).toBe(MEMKIND_ERROR_INVALID);
      setErrno(0);
      memkind_config_set_size(wrong, 0);
      expect(errno()).toBe(EINVAL);
    }
  });

  it('create pmem with params: success', () => {
    const cfg = memkind_config_new();
    memkind_config_set_path(cfg, POOL_DIR);
    memkind_config_set_size(cfg, PART_SIZE);
    const out = nowhere();
    expect(memkind_create_pmem_with_config(cfg, out)).toBe(MEMKIND_SUCCESS);
    memkind_config_delete(cfg); // the kind does without
    const kind = trackedKind(out.value);
    expect(memkind_malloc(kind, KIB)).not.toBe(0);
    expectDestroyed(kind);
  });
});

describeFiles('memkind_create_pmem_with_config conservative policy', () => {
  it('gives the file space back that is freed, as the default does not', () => {
    const [kind, other] = [newKindOfPolicy(CONSERVATIVE, 0), newKindOfPolicy(DEFAULT, 0)];
    const [before, otherBefore] = [kind, other].map((one) => {
      const ptr = memkind_malloc(one, 32 * MIB);
      const most = fileBytes(one);
      memkind_free(one, ptr);
      return most;
    });
    expect(fileBytes(kind)).toBeLessThanOrEqual(before - 31 * MIB);
    expect(fileBytes(other)).toBe(otherBefore);
  });

  const SIZES = [
    32,
    60,
    100,
    160,
    256,
    500,
    896,
    3000,
    4 * KIB,
    10_000,
    60_000,
    128 * KIB,
    500_000,
    2 * MIB,
    5 * MIB,
  ];

  it.each(SIZES)('malloc of %i bytes: as many blocks in each round as in the first', (size) => {
    const kind = newKindOfPolicy(CONSERVATIVE, 2 * PART_SIZE);
    const most = fill(kind, size);
    freeAll(kind, most);
    expect(most.length * size).toBeGreaterThan(0.8 * kind.size - size);
    for (let round = 0; round < 3; round++) {
      const blocks = fill(kind, size);
      freeAll(kind, blocks);
      expect(blocks.length).toBeGreaterThanOrEqual(0.98 * most.length);
    }
    expect(kind.check()).toBe(1);
    expect(kind.stats().live).toBe(0);
  });

  it('malloc of small sizes by turns: as many blocks in each round as in the first', () => {
    const sizes = [8, 16, 32, 48, 64, 80, 96, 112, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
    sizes.push(...[3, 4, 5, 6, 7, 8, 10, 12, 14].map((n) => n * KIB));
    const kind = newKindOfPolicy(CONSERVATIVE);
    const most = fill(kind, ...sizes);
    freeAll(kind, most);
    for (let round = 0; round < 20; round++) {
      const blocks = fill(kind, ...sizes);
      freeAll(kind, blocks);
      expect(blocks.length).toBeGreaterThanOrEqual(0.98 * most.length);
    }
  });
});

describeFiles('MEMKIND_HOG_MEMORY', () => {
  const storage = async (hog: string): Promise<Storage> => {
    const env = { ...process.env, MEMKIND_HOG_MEMORY: hog };
    return nextMessage<Storage>(startKindWorker('storage-watcher', POOL_DIR, { env }));
  };

  it('of 1 keeps freed space in the file until the kind is destroyed', async () => {
    const { full, freed, purged, returned } = await storage('1');
    expect({ freed, purged, returned }).toEqual({ freed: full, purged: full, returned: 0 });
  });

  it.each(['0', ''])('of %p does not', async (value) => {
    const { full, freed, purged, returned } = await storage(value);
    expect(freed).toBeLessThan(full - 30 * MIB);
    expect(purged).toBeLessThanOrEqual(freed);
    expect(returned).toBe(freed - purged);
  });
});
