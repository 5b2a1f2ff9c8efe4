// Kinds in files: how they are made, what is refused, how they end.

import { execFileSync } from 'node:child_process';
import { chmodSync, fstatSync, mkdtempSync, readdirSync, rmdirSync, statfsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import {
  MEMKIND_DEFAULT,
  MEMKIND_ERROR_INVALID,
  MEMKIND_ERROR_MMAP,
  MEMKIND_ERROR_OPERATION_FAILED,
  MEMKIND_ERROR_UNAVAILABLE,
  MEMKIND_HBW,
  MEMKIND_MAX_KIND,
  MEMKIND_PMEM_CHUNK_SIZE,
  MEMKIND_PMEM_MIN_SIZE,
  MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE,
  MEMKIND_MASK_PAGE_SIZE_2MB,
  MEMKIND_MEMTYPE_DEFAULT,
  MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
  MEMKIND_POLICY_BIND_ALL,
  MEMKIND_POLICY_BIND_LOCAL,
  MEMKIND_POLICY_INTERLEAVE_ALL,
  MEMKIND_POLICY_INTERLEAVE_LOCAL,
  MEMKIND_POLICY_MAX_VALUE,
  MEMKIND_POLICY_PREFERRED_LOCAL,
  MEMKIND_REGULAR,
  MEMKIND_SUCCESS,
  errno,
  memkind_check_available,
  memkind_create_kind,
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_detach,
  memkind_detect_kind,
  memkind_free,
  memkind_get_capacity,
  memkind_malloc,
  memkind_malloc_usable_size,
  memkind_realloc,
  setErrno,
} from '@vmem-ts/vmem-api/memkind';
import { availableBytes, testOnTmpfs } from '../../support/disk';
import { KIB, PART_SIZE, expectDestroyed, fill, freeAll, newKind, nowhere } from '../../support/kinds';
import { MIB, POOL_DIR, describeFiles } from '../../support/pools';
import { NOTHING_MORE, held, heldSince } from '../../support/process-resources';

const { ENOENT, EACCES, EINVAL, ENOTDIR, EBADF, ENOMEM } = constants.errno;

describeFiles('memkind_create_pmem create failures', () => {
  const failing = (dir: string, limit: number): [status: number, errno: number] => {
    const out = nowhere();
    const before = held();
    setErrno(0);
    const status = memkind_create_pmem(dir, limit, out);
    expect(out.value).toBe(null);
    expect(heldSince(before)).toEqual(NOTHING_MORE);
    return [status, errno()];
  };

  it.each([0, MEMKIND_PMEM_MIN_SIZE])('non-existing directory, limit %i', (limit) => {
    expect(failing('/temp/no such directory', limit)).toEqual([MEMKIND_ERROR_INVALID, ENOENT]);
    expect(failing(__filename, limit)).toEqual([MEMKIND_ERROR_INVALID, ENOTDIR]);
    expect(failing('', limit)).toEqual([MEMKIND_ERROR_INVALID, EINVAL]);
  });

  it.each([1, MEMKIND_PMEM_MIN_SIZE - 1, 0.5, NaN])('wrong size %p', (limit) => {
    expect(failing(POOL_DIR, limit)).toEqual([MEMKIND_ERROR_INVALID, EINVAL]);
  });

  it('a limit that no pool can have', () => {
    const [status] = failing(POOL_DIR, -1);
    expect(status).toBe(MEMKIND_ERROR_MMAP);
  });

  it('nowhere to put the kind', () => {
    expect(memkind_create_pmem(POOL_DIR, 0, null as never)).toBe(MEMKIND_ERROR_INVALID);
  });

  if (process.getuid?.() === 0) {
    it('write permission issue', () => {
      const dir = mkdtempSync(join(POOL_DIR, 'vmem-test-kinds-'));
      chmodSync(dir, 0o500);
      const script = join(__dirname, 'workers/other-user.js');
      expect(JSON.parse(execFileSync(process.execPath, [script, dir], { encoding: 'utf8' }))).toEqual([
        MEMKIND_ERROR_INVALID,
        EACCES,
      ]);
      rmdirSync(dir);
    });
  } else {
    it('write permission issue', () => {
      const dir = mkdtempSync(join(POOL_DIR, 'vmem-test-kinds-'));
      chmodSync(dir, 0o500);
      expect(failing(dir, MEMKIND_PMEM_MIN_SIZE)).toEqual([MEMKIND_ERROR_INVALID, EACCES]);
      rmdirSync(dir);
    });
  }

  testOnTmpfs('size=8m', 'no room on the file system', ({ dir, used }) => {
    const before = used();
    expect(failing(dir, 0)[0]).toBe(MEMKIND_ERROR_MMAP);
    expect(failing(dir, 32 * MIB)).toEqual([MEMKIND_ERROR_MMAP, constants.errno.ENOSPC]);
    expect(used()).toBe(before);
  });
});

describeFiles('memkind_create_pmem', () => {
  it('rounds the limit up to whole chunks, in a file without a name', () => {
    const dir = mkdtempSync(join(POOL_DIR, 'vmem-test-kinds-'));
    const kind = newKind(PART_SIZE, dir);
    expect(kind.size).toBe(MEMKIND_PMEM_MIN_SIZE + MEMKIND_PMEM_CHUNK_SIZE);
    expect(fstatSync(kind.handle.pool.fd)).toMatchObject({ nlink: 0, size: kind.size });
    expect(readdirSync(dir)).toEqual([]);
    expectDestroyed(kind);
    rmdirSync(dir);
  });

  it('resize: a block of the least limit fits into a kind of a little more, another chunk does not', () => {
    const kind = newKind();
    const ptr = memkind_malloc(kind, MEMKIND_PMEM_MIN_SIZE);
    expect(ptr).not.toBe(0);
    expect(memkind_malloc(kind, MEMKIND_PMEM_CHUNK_SIZE)).toBe(0);
    expect(errno()).toBe(ENOMEM);
    const unlimited = newKind(0);
    expect(memkind_malloc(unlimited, MEMKIND_PMEM_MIN_SIZE)).not.toBe(0);
    expect(memkind_malloc(unlimited, MEMKIND_PMEM_CHUNK_SIZE)).not.toBe(0);
  });

  it('malloc unlimited: max_size 0 grows beyond what it began with', () => {
    const kind = newKind(0);
    const took = (): number => fstatSync(kind.handle.pool.fd).blocks * 512;
    expect(took()).toBeLessThan(32 * MIB);
    const blocks = Array.from({ length: 32 }, () => memkind_malloc(kind, 4 * MIB));
    expect(blocks).not.toContain(0);
    expect(took()).toBeGreaterThanOrEqual(128 * MIB);
    expect(kind.size).toBeGreaterThanOrEqual(Math.min(availableBytes(POOL_DIR), 2 ** 30));
    freeAll(kind, blocks);
    expect(kind.check()).toBe(1);
  });

  testOnTmpfs('size=64m', 'max_size 0 grows up to what the file system has', ({ dir }) => {
    const kind = newKind(0, dir);
    expect(kind.size).toBe(64 * MIB);
    const blocks = fill(kind, 64 * KIB);
    expect(errno()).toBe(ENOMEM);
    expect(blocks.length * 64 * KIB).toBeGreaterThan(56 * MIB);
    expect(kind.check()).toBe(1);
    freeAll(null, blocks);
    expect(memkind_malloc(kind, 32 * MIB)).not.toBe(0);
  });

  it('many kinds without a limit at once', () => {
    const kinds = Array.from({ length: 40 }, () => newKind(0));
    for (const kind of kinds) expect(memkind_malloc(kind, MIB)).not.toBe(0);
    expect(new Set(kinds.map(({ id }) => id)).size).toBe(40);
  });
});

describeFiles('memkind_get_capacity', () => {
  it('of a kind without a limit, is the size of its file system', () => {
    const { blocks, bsize } = statfsSync(POOL_DIR);
    expect(memkind_get_capacity(newKind(0))).toBe(blocks * bsize);
  });

  it('of a kind with a limit, is that limit in whole chunks', () => {
    expect(memkind_get_capacity(newKind())).toBe(18 * MIB);
  });

  it('of ordinary memory, is that of the machine; of what is no kind, -1', () => {
    expect(memkind_get_capacity(MEMKIND_DEFAULT)).toBeGreaterThan(64 * MIB);
    expect(memkind_get_capacity(MEMKIND_HBW)).toBe(-1);
    expect(memkind_get_capacity(null)).toBe(-1);
    const kind = newKind();
    expectDestroyed(kind);
    expect(memkind_get_capacity(kind)).toBe(-1);
    expect(errno()).toBe(EBADF);
  });
});

describeFiles('memkind_check_available', () => {
  it('tells kinds that are there from those that are not', () => {
    const kind = newKind();
    expect(memkind_check_available(kind)).toBe(MEMKIND_SUCCESS);
    expect(memkind_check_available(MEMKIND_DEFAULT)).toBe(MEMKIND_SUCCESS);
    expect(memkind_check_available(MEMKIND_REGULAR)).toBe(MEMKIND_SUCCESS);
    expect(memkind_check_available(MEMKIND_HBW)).toBe(MEMKIND_ERROR_UNAVAILABLE);
    expect(memkind_malloc(MEMKIND_HBW, 100)).toBe(0);
    expect(memkind_check_available(null)).toBe(MEMKIND_ERROR_INVALID);
    expectDestroyed(kind);
    expect(memkind_check_available(kind)).toBe(MEMKIND_ERROR_UNAVAILABLE);
  });
});

describe('memkind_create_kind', () => {
  const DEFAULT = MEMKIND_MEMTYPE_DEFAULT;
  const FAST = MEMKIND_MEMTYPE_HIGH_BANDWIDTH;
  const PREFERRED = MEMKIND_POLICY_PREFERRED_LOCAL;
  const HUGE = MEMKIND_MASK_PAGE_SIZE_2MB;

  it.each([
    [DEFAULT, PREFERRED, 0],
    [DEFAULT, PREFERRED, HUGE],
    [FAST, PREFERRED, 0],
    [FAST, PREFERRED, HUGE],
  ])('memory of type %i, policy %i, flags %i: that of MEMKIND_DEFAULT', (memtype, policy, flags) => {
    const out = nowhere();
    expect(memkind_create_kind(memtype, policy, flags, out)).toBe(MEMKIND_SUCCESS);
    expect(out.value).toBe(MEMKIND_DEFAULT);
    expect(memkind_destroy_kind(out.value)).toBe(MEMKIND_SUCCESS);
  });

  it.each([
    [FAST, MEMKIND_POLICY_BIND_LOCAL, 0, MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE],
    [FAST, MEMKIND_POLICY_BIND_ALL, HUGE, MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE],
    [FAST | DEFAULT, MEMKIND_POLICY_INTERLEAVE_ALL, 0, MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE],
    [DEFAULT, MEMKIND_POLICY_BIND_ALL, 0, MEMKIND_ERROR_INVALID],
    [DEFAULT, MEMKIND_POLICY_INTERLEAVE_LOCAL, 0, MEMKIND_ERROR_INVALID],
    [DEFAULT, MEMKIND_POLICY_MAX_VALUE, 0, MEMKIND_ERROR_INVALID],
    [DEFAULT, PREFERRED, 1, MEMKIND_ERROR_INVALID],
    [0, PREFERRED, 0, MEMKIND_ERROR_INVALID],
    [4, PREFERRED, 0, MEMKIND_ERROR_INVALID],
  ])('memory of type %i, policy %i, flags %i: %i', (memtype, policy, flags, status) => {
    const out = nowhere();
    expect(memkind_create_kind(memtype, policy, flags, out)).toBe(status);
    expect(out.value).toBe(null);
  });

  it('without a holder for the kind: invalid', () => {
    expect(memkind_create_kind(DEFAULT, PREFERRED, 0, null as never)).toBe(MEMKIND_ERROR_INVALID);
  });
});

describeFiles('memkind_destroy_kind', () => {
  it('destroy kind: others stay as they are, and a new one comes in the place', () => {
    const kinds = Array.from({ length: 10 }, () => newKind(MEMKIND_PMEM_MIN_SIZE));
    const ptrs = kinds.map((kind) => memkind_malloc(kind, 100));
    for (const gone of [kinds[5], kinds[6]]) expectDestroyed(gone);
    const next = newKind(MEMKIND_PMEM_MIN_SIZE);
    expect(kinds.map(({ id }) => id)).not.toContain(next.id);
    ptrs.forEach((ptr, i) => {
      expect(memkind_detect_kind(ptr)).toBe(i === 5 || i === 6 ? null : kinds[i]);
    });
  });

  it('of one that is always there changes nothing', () => {
    const ptr = memkind_malloc(MEMKIND_DEFAULT, 100);
    expect(memkind_destroy_kind(MEMKIND_DEFAULT)).toBe(MEMKIND_SUCCESS);
    expect(memkind_destroy_kind(MEMKIND_HBW)).toBe(MEMKIND_SUCCESS);
    expect(memkind_detect_kind(ptr)).toBe(MEMKIND_DEFAULT);
    memkind_free(MEMKIND_DEFAULT, ptr);
    expect(memkind_detach(MEMKIND_DEFAULT)).toBe(MEMKIND_ERROR_OPERATION_FAILED);
  });

  it('of a destroyed kind, and of none, fails', () => {
    const kind = newKind();
    const ptr = memkind_malloc(kind, 100);
    expectDestroyed(kind);
    for (const wrong of [kind, null, {} as never]) {
      expect(memkind_destroy_kind(wrong)).toBe(MEMKIND_ERROR_OPERATION_FAILED);
      expect(memkind_detach(wrong)).toBe(MEMKIND_ERROR_OPERATION_FAILED);
    }
    setErrno(0);
    expect(memkind_malloc(kind, 100)).toBe(0);
    expect(errno()).toBe(EBADF);
    for (const use of [
      () => memkind_free(kind, ptr),
      () => memkind_free(null, ptr),
      () => memkind_realloc(null, ptr, 10),
      () => memkind_malloc_usable_size(null, ptr),
    ]) {
      setErrno(0);
      use();
      expect(errno()).not.toBe(0);
    }
  });

  // a file system that nobody else uses
  testOnTmpfs('size=96m', 'free memory after destroy: large class', ({ dir }) => {
    const before = availableBytes(dir);
    const kind = newKind(64 * MIB, dir);
    fill(kind, 16 * KIB);
    expect(before - availableBytes(dir)).toBeGreaterThan(60 * MIB);
    expectDestroyed(kind);
    expect(availableBytes(dir)).toBe(before);
  });

  it('free memory after destroy: small class', () => {
    const kind = newKind(64 * MIB);
    for (let i = 0; i < 100; i++) expect(memkind_malloc(kind, 32)).not.toBe(0);
    const { fd } = kind.handle.pool;
    expectDestroyed(kind);
    expect(() => fstatSync(fd)).toThrow('EBADF'); // and the file has no other name
  });
});

describeFiles('memkind_create_pmem and memkind_destroy_kind in loops', () => {
  const around = (use: (kind: ReturnType<typeof newKind>) => void, rounds = MEMKIND_MAX_KIND): void => {
    const before = held();
    const ids = new Set<number>();
    for (let i = 0; i < rounds; i++) {
      const out = nowhere();
      expect(memkind_create_pmem(POOL_DIR, MEMKIND_PMEM_MIN_SIZE, out)).toBe(0);
      const kind = out.value as ReturnType<typeof newKind>;
      ids.add(kind.id);
      use(kind);
      expect(memkind_destroy_kind(kind)).toBe(0);
    }
    expect(heldSince(before)).toEqual(NOTHING_MORE);
    expect(ids.size).toBe(rounds); // no id comes again soon
  };
  const good = (ptr: number): number => {
    if (ptr === 0) throw new Error(`no memory, errno ${errno()}`);
    return ptr;
  };

  it('empty loop', () => {
    around(() => undefined);
  });

  it('malloc small size, free with the kind', () => {
    around((kind) => {
      memkind_free(kind, good(memkind_malloc(kind, KIB)));
    });
  });

  it('malloc of different sizes and kinds, free with the kinds', () => {
    around((kind) => {
      for (const one of [kind, MEMKIND_DEFAULT, MEMKIND_REGULAR]) {
        for (const size of [KIB, MEMKIND_PMEM_CHUNK_SIZE]) memkind_free(one, good(memkind_malloc(one, size)));
      }
    }, 128);
  });

  it('malloc of different sizes and kinds, free with NULL for a kind', () => {
    around((kind) => {
      setErrno(0);
      for (const one of [kind, MEMKIND_DEFAULT, MEMKIND_REGULAR]) {
        for (const size of [KIB, MEMKIND_PMEM_CHUNK_SIZE])
          memkind_free(null, good(memkind_malloc(one, size)));
      }
      expect(errno()).toBe(0);
    }, 128);
  });

  it('with realloc', () => {
    around((kind) => {
      const ptr = good(memkind_malloc(kind, 512));
      memkind_free(kind, good(memkind_realloc(kind, ptr, KIB)));
    });
  });

  it('free after destroy: a stale pointer is refused in whichever kind comes after', () => {
    let stale = 0;
    around((kind) => {
      if (stale !== 0) {
        setErrno(0);
        memkind_free(null, stale);
        memkind_free(kind, stale);
        expect(errno()).toBe(constants.errno.EFAULT);
        expect(memkind_detect_kind(stale)).toBe(null);
      }
      stale = good(memkind_malloc(kind, KIB));
    }, 64);
  });
});
