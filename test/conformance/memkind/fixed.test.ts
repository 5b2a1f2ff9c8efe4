// Kinds in the caller's memory.

import { constants } from 'node:os';
import {
  MEMKIND_ERROR_INVALID,
  MEMKIND_SUCCESS,
  errno,
  memkind_create_fixed,
  memkind_detect_kind,
  memkind_get_capacity,
  memkind_malloc,
  setErrno,
  type Out,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { bytesOf, expectDestroyed, fill, freeAll, nowhere, trackedKind } from '../../support/kinds';
import { MIB } from '../../support/pools';

const SIZE = 16 * MIB;
const MEMORIES: [string, () => SharedArrayBuffer | ArrayBuffer | Uint8Array][] = [
  ['a SharedArrayBuffer', () => new SharedArrayBuffer(SIZE)],
  ['an ArrayBuffer', () => new ArrayBuffer(SIZE)],
  ['a view', () => new Uint8Array(new SharedArrayBuffer(2 * SIZE), 4096, SIZE)],
];

describe.each(MEMORIES)('memkind_create_fixed in %s', (_name, memory) => {
  it('fixed kind: allocates within the memory, and until that is full', () => {
    const out = nowhere();
    expect(memkind_create_fixed(memory(), SIZE, out)).toBe(MEMKIND_SUCCESS);
    const kind = trackedKind(out.value);
    expect(memkind_get_capacity(kind)).toBe(SIZE);
    setErrno(0);
    const blocks = fill(kind, 10_000);
    expect(errno()).toBe(constants.errno.ENOMEM);
    expect(blocks.length * 10_000).toBeGreaterThan(0.9 * SIZE);
    for (const ptr of blocks.slice(0, 5)) expect(memkind_detect_kind(ptr)).toBe(kind);
    bytesOf(blocks[0], 10_000).fill(7);
    expect(new Uint8Array(kind.buffer)[blocks[0] - kind.base]).toBe(7);
    freeAll(null, blocks);
    expect(kind.stats().live).toBe(0);
    expect(kind.purge()).toBe(0);
    expectDestroyed(kind);
    expect(memkind_malloc(kind, 8)).toBe(0);
  });

  it('fixed kind: takes no more than it is told', () => {
    const bytes = memory();
    const out = nowhere();
    expect(memkind_create_fixed(bytes, 14 * MIB, out)).toBe(MEMKIND_SUCCESS);
    expect(memkind_get_capacity(out.value)).toBe(14 * MIB);
    fill(trackedKind(out.value), 4096);
    const rest = bytes instanceof Uint8Array ? bytes.subarray(14 * MIB) : new Uint8Array(bytes, 14 * MIB);
    expect(rest.every((byte) => byte === 0)).toBe(true);
  });
});

describe('memkind_create_fixed', () => {
  const failing = (addr: unknown, size: unknown, out: unknown = nowhere()): number =>
    memkind_create_fixed(addr as never, size as never, out as Out<memkind_t | null>);

  it('fixed kind: refuses what is no memory, too little, or more than there is', () => {
    const memory = new SharedArrayBuffer(SIZE);
    for (const addr of [null, 5, {}, 'x', [1]]) expect(failing(addr, SIZE)).toBe(MEMKIND_ERROR_INVALID);
    for (const size of [0, -1, 1000, SIZE + 1, NaN, '5'])
      expect(failing(memory, size)).toBe(MEMKIND_ERROR_INVALID);
    expect(failing(new Uint8Array(memory, 8), SIZE - 4096)).toBe(MEMKIND_ERROR_INVALID); // not at a page
    expect(failing(memory, SIZE, null)).toBe(MEMKIND_ERROR_INVALID);
    expect(errno()).toBe(constants.errno.EINVAL);
  });

  it('fixed kind: the memory is the caller’s again, and can be used anew', () => {
    const memory = new SharedArrayBuffer(SIZE);
    const ids = new Set<number>();
    for (let i = 0; i < 20; i++) {
      const out = nowhere();
      expect(memkind_create_fixed(memory, SIZE, out)).toBe(MEMKIND_SUCCESS);
      const kind = trackedKind(out.value);
      ids.add(kind.id);
      memkind_malloc(kind, 1000);
      expectDestroyed(kind);
      new Uint8Array(memory).fill(i);
    }
    expect(ids.size).toBe(20);
  });
});
