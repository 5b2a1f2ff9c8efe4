// Pools in the caller's memory.

import {
  SIZE_MAX,
  VMEM_MIN_POOL,
  vmem_check,
  vmem_create_in_region,
  vmem_delete,
  vmem_errormsg,
  vmem_free,
  vmem_malloc,
  type VMEM,
  type VmemRegion,
} from '@vmem-ts/vmem-api/libvmem';
import { PAGE, tracked } from '../../support/pools';
import { bytesAt, expectEmptyAndWhole, freeAll, outcome } from './forms';

const SIZE = VMEM_MIN_POOL + 8 * PAGE;
const create = (addr: VmemRegion, size: number): VMEM => tracked(vmem_create_in_region(addr, size)!);

describe('vmem_create_in_region', () => {
  it.each<[string, VmemRegion]>([
    ['a SharedArrayBuffer', new SharedArrayBuffer(SIZE)],
    ['an ArrayBuffer', new ArrayBuffer(SIZE)],
    ['a view', new Uint8Array(SIZE)],
    ['a view that begins at a page', new Float64Array(new SharedArrayBuffer(SIZE), 2 * PAGE)],
    ['a DataView', new DataView(new ArrayBuffer(SIZE), PAGE)],
    ['memory that is full of something', new Uint8Array(SIZE).fill(0xa5)],
  ])('makes a pool in %s', (_, addr) => {
    const vmp = create(addr, VMEM_MIN_POOL);
    const pointers = Array.from({ length: 300 }, () => vmem_malloc(vmp, 4));
    for (const ptr of pointers) {
      expect(ptr).toBeGreaterThan(0);
      expect(ptr + 4).toBeLessThanOrEqual(VMEM_MIN_POOL);
    }
    expect(new Set(pointers).size).toBe(300);
    freeAll(vmp, pointers);
    expectEmptyAndWhole(vmp);
    vmem_delete(vmp);
  });

  it('uses the first bytes alone', () => {
    const buffer = new SharedArrayBuffer(SIZE);
    const before = new Uint8Array(buffer, 0, PAGE).fill(7);
    const behind = new Uint8Array(buffer, PAGE + VMEM_MIN_POOL).fill(7);
    const vmp = create(new Uint8Array(buffer, PAGE), VMEM_MIN_POOL);
    expect(vmp.size).toBe(VMEM_MIN_POOL);
    const pointers: number[] = [];
    for (let ptr = vmem_malloc(vmp, 1000); ptr !== 0; ptr = vmem_malloc(vmp, 1000)) {
      bytesAt(vmp, ptr, 1000).fill(1);
      pointers.push(ptr);
    }
    expect(pointers.length * 1000).toBeGreaterThan(0.9 * VMEM_MIN_POOL);
    freeAll(vmp, pointers);
    vmem_delete(vmp);
    expect([...before, ...behind].every((byte) => byte === 7)).toBe(true);
  });

  it('leaves bytes behind the last whole page alone', () => {
    const bytes = new Uint8Array(SIZE).fill(7);
    const vmp = create(bytes, VMEM_MIN_POOL + 100);
    while (vmem_malloc(vmp, PAGE) !== 0);
    vmem_delete(vmp);
    expect(bytes.subarray(VMEM_MIN_POOL).every((byte) => byte === 7)).toBe(true);
  });

  it('gives the memory back for another pool', () => {
    const buffer = new SharedArrayBuffer(SIZE);
    for (let i = 0; i < 20; i++) {
      const vmp = create(buffer, VMEM_MIN_POOL);
      expect(vmem_check(vmp)).toBe(1);
      vmem_free(vmp, vmem_malloc(vmp, 100));
      vmem_delete(vmp);
    }
  });

  it.each<[string, unknown]>([
    ['memory that begins within a page', new Uint8Array(new ArrayBuffer(SIZE), 8)],
    ['no memory', null],
    ['a number', 4096],
    ['an object', { byteLength: SIZE, byteOffset: 0, buffer: new ArrayBuffer(SIZE) }],
    ['a detached buffer', detached()],
  ])('EINVAL: %s', (_, addr) => {
    expect(outcome(() => vmem_create_in_region(addr as VmemRegion, VMEM_MIN_POOL))).toEqual([null, 'EINVAL']);
  });

  it.each([SIZE + 1, SIZE_MAX, -1, 2 ** 53])('EINVAL: %d bytes, which the region does not have', (size) => {
    expect(outcome(() => vmem_create_in_region(new ArrayBuffer(SIZE), size))).toEqual([null, 'EINVAL']);
    expect(vmem_errormsg()).toContain(String(SIZE));
  });
});

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(SIZE);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

describe('vmem_check, region', () => {
  it('notices another pool in the same memory', () => {
    const buffer = new SharedArrayBuffer(2 * VMEM_MIN_POOL);
    const first = create(buffer, VMEM_MIN_POOL);
    expect(vmem_check(first)).toBe(1);
    const second = create(new Uint8Array(buffer, 8 * 2 ** 20), VMEM_MIN_POOL);
    for (const vmp of [first, second]) {
      expect(outcome(() => vmem_check(vmp))).toEqual([0, '']);
      expect(vmem_errormsg()).toContain('lies in the memory of this pool');
    }
    vmem_delete(second);
    expect(vmem_check(second)).toBe(-1);
    expect(vmem_errormsg()).toContain('deleted');
  });

  it('tells of none where pools lie side by side, or one after the other', () => {
    const buffer = new SharedArrayBuffer(2 * VMEM_MIN_POOL);
    const first = create(buffer, VMEM_MIN_POOL);
    const second = create(new Uint8Array(buffer, VMEM_MIN_POOL), VMEM_MIN_POOL);
    expect([first, second].map(vmem_check)).toEqual([1, 1]);
    vmem_delete(first);
    const third = create(buffer, VMEM_MIN_POOL);
    const fourth = create(buffer, VMEM_MIN_POOL);
    expect([first, second, third, fourth].map(vmem_check)).toEqual([-1, 1, -1, 1]);
  });
});
