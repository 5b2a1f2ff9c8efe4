// No argument makes a function throw, or run code of the argument's; no result is left that nobody learns of.

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { constants } from 'node:os';
import {
  MEMKIND_ERROR_INVALID,
  errno,
  memkind_create_fixed,
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_error_message,
  memkind_posix_memalign,
  memkind_set_allow_zero_allocs,
  memkind_stats_print,
  setErrno,
  type PmemKind,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { POOL_DIR, describeFiles } from '../../support/pools';
import { countOpenFiles } from '../../support/process-resources';

const { EBADF, EINVAL } = constants.errno;
const BYTES = 14 * 1024 * 1024;

function fixedKind(): PmemKind {
  const out: { value: memkind_t | null } = { value: null };
  expect(memkind_create_fixed(new SharedArrayBuffer(BYTES), BYTES, out)).toBe(0);
  return out.value as PmemKind;
}

it('every function takes any value for any argument', () => {
  const script = resolve(__dirname, 'workers/any-caller.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { calls, odd } = JSON.parse(stdout) as { calls: number; odd: string[] };
  expect(odd).toEqual([]);
  expect(calls).toBeGreaterThan(2000);
});

describeFiles('a holder that nothing can be written to', () => {
  const frozen = Object.freeze({ value: null }) as { value: never };
  const refusing = {
    get value(): never {
      throw new Error('not to be read');
    },
    set value(_: unknown) {
      throw new RangeError('the caller has refused it');
    },
  };

  it('leaves no kind behind', () => {
    const files = countOpenFiles();
    expect(memkind_create_pmem(POOL_DIR, 0, frozen)).toBe(MEMKIND_ERROR_INVALID);
    expect(errno()).toBe(EINVAL);
    expect(() => memkind_create_pmem(POOL_DIR, 0, refusing)).toThrow(RangeError);
    expect(countOpenFiles()).toBe(files);
  });

  it('leaves no block behind', () => {
    const kind = fixedKind();
    expect(memkind_posix_memalign(kind, frozen, 64, 64)).toBe(EINVAL);
    let writes = 0;
    const refusesBlock = {
      get value(): number {
        return 0;
      },
      set value(_: number) {
        if (++writes === 2) throw new RangeError('the caller has refused it');
      },
    };
    expect(() => memkind_posix_memalign(kind, refusesBlock, 64, 64)).toThrow(RangeError);
    expect(kind.stats().liveBlocks).toBe(0);
    memkind_destroy_kind(kind);
  });
});

it('memkind_error_message writes to nothing but bytes, and no more of them than it may', () => {
  const bytes = new Uint8Array(64);
  const text = memkind_error_message(-1, bytes, 5e-324);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  memkind_error_message(-1, bytes, 5.9);
  expect(Buffer.from(bytes.subarray(0, 6)).toString('latin1')).toBe(`${text.slice(0, 4)}\0\0`);
});

it('memkind_stats_print is MEMKIND_ERROR_INVALID with what is no function', () => {
  expect(memkind_stats_print(5 as never, null, 0)).toBe(MEMKIND_ERROR_INVALID);
});

it('memkind_set_allow_zero_allocs changes nothing through a kind that was destroyed', () => {
  const gone = fixedKind();
  memkind_destroy_kind(gone);
  setErrno(0);
  memkind_set_allow_zero_allocs(gone, true);
  expect(errno()).toBe(EBADF);
});
