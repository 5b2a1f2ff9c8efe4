// The operations that kinds in files are made of, and what is left of memkind.h.

import { spawnSync } from 'node:child_process';
import { constants, tmpdir } from 'node:os';
import * as memkind from '@vmem-ts/vmem-api/memkind';
import {
  MAP_FAILED,
  MAP_SHARED,
  MEMKIND_DEFAULT,
  MEMKIND_ERROR_BADOPS,
  MEMKIND_ERROR_INVALID,
  MEMKIND_ERROR_MESSAGE_SIZE,
  MEMKIND_ERROR_OPERATION_FAILED,
  MEMKIND_PMEM_CHUNK_SIZE,
  MEMKIND_PMEM_OPS,
  MEMKIND_SUCCESS,
  SIZE_MAX,
  errno,
  memkind_detect_kind,
  memkind_error_message,
  memkind_free,
  memkind_get_version,
  memkind_malloc,
  memkind_malloc_usable_size,
  memkind_pmem_create,
  memkind_pmem_destroy,
  memkind_pmem_get_mmap_flags,
  memkind_pmem_mmap,
  memkind_set_bg_threads,
  memkind_view,
  setErrno,
} from '@vmem-ts/vmem-api/memkind';
import { PART_SIZE, bytesOf, newKind, trackedKind } from '../../support/kinds';
import { MIB, POOL_DIR, describeFiles } from '../../support/pools';

describeFiles('memkind_pmem_create', () => {
  it('makes a kind in the directory of its private data, and destroy ends it', () => {
    const place = { value: null, dir: POOL_DIR, max_size: PART_SIZE };
    expect(memkind_pmem_create(place, MEMKIND_PMEM_OPS, 'pmem1')).toBe(MEMKIND_SUCCESS);
    const kind = trackedKind(place.value);
    expect(kind.size).toBe(18 * MIB);
    expect(memkind_malloc(kind, 100)).not.toBe(0);
    expect(memkind_pmem_destroy(kind)).toBe(MEMKIND_SUCCESS);
    expect(memkind_pmem_destroy(kind)).toBe(MEMKIND_ERROR_OPERATION_FAILED);
  });

  it('without private data makes one without a limit, among the temporary files', () => {
    const place = { value: null };
    expect(memkind_pmem_create(place, MEMKIND_PMEM_OPS, 'pmem2')).toBe(MEMKIND_SUCCESS);
    expect(trackedKind(place.value).handle).toMatchObject({ dir: tmpdir(), limit: 0 });
  });

  it('refuses other operations and names', () => {
    for (const ops of [null, {}, { ...MEMKIND_PMEM_OPS }]) {
      expect(memkind_pmem_create({ value: null }, ops as never, 'pmem3')).toBe(MEMKIND_ERROR_BADOPS);
    }
    expect(memkind_pmem_create({ value: null }, MEMKIND_PMEM_OPS, 5 as never)).toBe(MEMKIND_ERROR_INVALID);
    expect(memkind_pmem_create(null as never, MEMKIND_PMEM_OPS, 'x')).toBe(MEMKIND_ERROR_INVALID);
  });
});

describeFiles('memkind_pmem_mmap', () => {
  it('pmem_mmap: gives whole pages of zeros of the file, whatever the hint', () => {
    const kind = newKind();
    const blocks = [1, 4096, MEMKIND_PMEM_CHUNK_SIZE].map((size) => memkind_pmem_mmap(kind, 12345, size));
    for (const [i, size] of [4096, 4096, MEMKIND_PMEM_CHUNK_SIZE].entries()) {
      const ptr = blocks[i];
      expect(ptr % 4096).toBe(0);
      expect(memkind_malloc_usable_size(kind, ptr)).toBe(size);
      expect(bytesOf(ptr, size).every((byte) => byte === 0)).toBe(true);
      expect(memkind_detect_kind(ptr)).toBe(kind);
      memkind_free(kind, ptr);
    }
    expect(kind.stats().live).toBe(0);
  });

  it('pmem_mmap: MAP_FAILED and errno', () => {
    const kind = newKind();
    const failing = (size: number, of: Parameters<typeof memkind_pmem_mmap>[0] = kind): number => {
      setErrno(0);
      expect(memkind_pmem_mmap(of, 0, size)).toBe(MAP_FAILED);
      return errno();
    };
    expect(failing(64 * MIB)).toBe(constants.errno.ENOMEM);
    expect(failing(SIZE_MAX)).toBe(constants.errno.ENOMEM);
    expect(failing(0)).toBe(constants.errno.EINVAL);
    expect(failing(NaN)).toBe(constants.errno.EINVAL);
    expect(failing(100, null)).toBe(constants.errno.EINVAL);
  });
});

describeFiles('memkind_pmem_get_mmap_flags', () => {
  it('flags are MAP_SHARED', () => {
    const flags = { value: 0 };
    expect(memkind_pmem_get_mmap_flags(newKind(), flags)).toBe(MEMKIND_SUCCESS);
    expect(flags.value).toBe(MAP_SHARED);
    expect(memkind_pmem_get_mmap_flags(null, flags)).toBe(MEMKIND_ERROR_INVALID);
    expect(memkind_pmem_get_mmap_flags(newKind(), null as never)).toBe(MEMKIND_ERROR_INVALID);
  });
});

describe('memkind_error_message', () => {
  const codes = Object.entries(memkind).filter(([name]) => /^MEMKIND_(SUCCESS|ERROR_(?!MESSAGE))/.test(name));
  const all = [...codes.map(([, code]) => code as number), constants.errno.EINVAL, constants.errno.ENOMEM];

  it('has other words for every code, that fit', () => {
    expect(all).toHaveLength(16);
    const texts = all.map((code) => memkind_error_message(code));
    expect(new Set(texts).size).toBe(16);
    for (const text of texts) {
      expect(text).toMatch(/^<memkind> /);
      expect(text.length).toBeLessThan(MEMKIND_ERROR_MESSAGE_SIZE - 1);
    }
  });

  it('names a number that it does not know', () => {
    expect(memkind_error_message(-0xdeadbeef)).toBe('<memkind> Undefined error number: -3735928559');
  });

  it('writes into a buffer, also one in a block, ended by a NUL within its size', () => {
    const ptr = memkind_malloc(MEMKIND_DEFAULT, MEMKIND_ERROR_MESSAGE_SIZE);
    for (const msg of [
      new Uint8Array(MEMKIND_ERROR_MESSAGE_SIZE),
      bytesOf(ptr, MEMKIND_ERROR_MESSAGE_SIZE),
    ]) {
      msg.fill(255);
      const text = memkind_error_message(MEMKIND_ERROR_INVALID, msg, MEMKIND_ERROR_MESSAGE_SIZE);
      expect(Buffer.from(msg.slice(0, text.length + 1)).toString()).toBe(`${text}\0`);
      msg.fill(255);
      memkind_error_message(MEMKIND_ERROR_INVALID, msg, 10);
      expect(Buffer.from(msg.slice(0, 10)).toString()).toBe('<memkind>\0');
      expect(msg[10]).toBe(255);
    }
    memkind_error_message(MEMKIND_ERROR_INVALID, null, 0);
    memkind_error_message(MEMKIND_ERROR_INVALID, new Uint8Array(0));
    memkind_free(null, ptr);
  });
});

describe('memkind_get_version', () => {
  it('is one number: 1.14.0', () => {
    expect(memkind_get_version()).toBe(1 * 1_000_000 + 14 * 1000 + 0);
  });
});

describe('memkind_set_bg_threads', () => {
  it('bg_threads can be switched, and nothing changes', () => {
    expect(memkind_set_bg_threads(true)).toBe(MEMKIND_SUCCESS);
    expect(memkind_set_bg_threads(false)).toBe(MEMKIND_SUCCESS);
    expect(memkind_set_bg_threads(1 as never)).toBe(MEMKIND_ERROR_INVALID);
  });
});

describe('memkind_view', () => {
  it('is null for what is no block, or too short', () => {
    const ptr = memkind_malloc(MEMKIND_DEFAULT, 64);
    expect(memkind_view(Float64Array, ptr, 8)).toHaveLength(8);
    expect(memkind_view(Float64Array, ptr, 100)).toBe(null);
    expect(memkind_view(Float64Array, ptr + 8, 1)).toBe(null);
    expect(memkind_view(Float64Array, 0, 1)).toBe(null);
    memkind_free(null, ptr);
    expect(memkind_view(Float64Array, ptr, 8)).toBe(null);
    expect(errno()).toBe(constants.errno.EFAULT);
  });
});

describe('MEMKIND_DEBUG', () => {
  const stderrWith = (value: string): string => {
    const module = JSON.stringify(require.resolve('@vmem-ts/vmem-api/memkind'));
    const code = `require(${module}).memkind_create_pmem('/no such directory', 0, { value: null })`;
    const env = { ...process.env, MEMKIND_DEBUG: value };
    return spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', env }).stderr;
  };

  it('of 1 tells errors on stderr, and nothing else does', () => {
    expect(stderrWith('1')).toMatch(/^MEMKIND_ERROR: .*no such directory/);
    expect(stderrWith('0')).toBe('');
  });
});
