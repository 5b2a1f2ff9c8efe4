// malloc and its kin.

import {
  SIZE_MAX,
  VMEM_MIN_POOL,
  vmem_aligned_alloc,
  vmem_calloc,
  vmem_check,
  vmem_errormsg,
  vmem_free,
  vmem_malloc,
  vmem_malloc_usable_size,
  vmem_realloc,
  type VMEM,
} from '@vmem-ts/vmem-api/libvmem';
import { MIB, PAGE } from '../../support/pools';
import { randomFrom, seedFor } from '../../support/random';
import { bytesAt, describeEachForm, expectEmptyAndWhole, freeAll, outcome, wordsAt } from './forms';

const VALUE = 123_456;
/** What no pool has, as C's programs write it. */
const TOO_MUCH = [VMEM_MIN_POOL, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 60, SIZE_MAX, -1, -4096];
const NO_SIZES: unknown[] = [0.5, -0.5, NaN, Infinity, undefined, null, '8', 8n, {}, Symbol('8')];

function expectInPool(vmp: VMEM, ptr: number, size: number): void {
  expect(ptr).toBeGreaterThan(0);
  expect(ptr + size).toBeLessThanOrEqual(vmp.size);
}

describeEachForm('vmem_malloc', ({ create }) => {
  it('gives a block in the pool that can be written and read', () => {
    const vmp = create();
    const [ptr, error] = outcome(() => vmem_malloc(vmp, 4));
    expectInPool(vmp, ptr, 4);
    wordsAt(vmp, ptr, 1)[0] = VALUE;
    expect([error, wordsAt(vmp, ptr, 1)[0]]).toEqual(['', VALUE]);
    vmem_free(vmp, ptr);
    expectEmptyAndWhole(vmp);
  });

  it('gives a block of its own for no bytes', () => {
    const vmp = create();
    const pointers = [vmem_malloc(vmp, 0), vmem_malloc(vmp, 0), vmem_malloc(vmp, -0)];
    expect(pointers).not.toContain(0);
    expect(new Set(pointers).size).toBe(3);
    freeAll(vmp, pointers);
    expectEmptyAndWhole(vmp);
  });

  it.each(TOO_MUCH)('is NULL with ENOMEM for %d bytes', (size) => {
    const vmp = create();
    expect(outcome(() => vmem_malloc(vmp, size))).toEqual([0, 'ENOMEM']);
    expect(vmem_errormsg()).toContain('memory');
    expectEmptyAndWhole(vmp);
  });

  it.each(NO_SIZES)('is NULL with EINVAL for %p, which is no size', (size) => {
    const vmp = create();
    expect(outcome(() => vmem_malloc(vmp, size as number))).toEqual([0, 'EINVAL']);
  });
});

describeEachForm('vmem_free', ({ create }) => {
  it('does nothing for NULL', () => {
    const vmp = create();
    expect(outcome(() => vmem_free(vmp, 0))).toEqual([undefined, '']);
  });

  it('EFAULT, and no harm, for what is no live block', () => {
    const vmp = create();
    const [small, large] = [vmem_malloc(vmp, 100), vmem_malloc(vmp, 100_000)];
    const freed = vmem_malloc(vmp, 100);
    vmem_free(vmp, freed);
    const live = vmp.stats().live;
    const wrong = [freed, small + 8, large + 8, large + PAGE, 1, PAGE, -8, 2 ** 40, vmp.size, 0.5, NaN];
    for (const ptr of wrong) {
      const call = (): void => vmem_free(vmp, ptr);
      expect([ptr, ...outcome(call)]).toEqual([ptr, undefined, 'EFAULT']);
      expect(outcome(() => vmem_realloc(vmp, ptr, 10))).toEqual([0, 'EFAULT']);
      expect(outcome(() => vmem_realloc(vmp, ptr, 0))).toEqual([0, 'EFAULT']);
      expect(outcome(() => vmem_malloc_usable_size(vmp, ptr))).toEqual([0, 'EFAULT']);
    }
    expect(vmp.stats().live).toBe(live);
    freeAll(vmp, [small, large]);
    expectEmptyAndWhole(vmp);
  });

  it('EFAULT for a block of another pool', () => {
    const [vmp, other] = [create(), create()];
    const ptr = vmem_malloc(other, 5000);
    expect(outcome(() => vmem_free(vmp, ptr))).toEqual([undefined, 'EFAULT']);
    expect(vmem_malloc_usable_size(other, ptr)).toBeGreaterThanOrEqual(5000);
  });
});

describeEachForm('vmem_calloc', ({ create }) => {
  it('gives zeros in the pool', () => {
    const vmp = create();
    const ptr = vmem_calloc(vmp, 1, 4);
    expectInPool(vmp, ptr, 4);
    expect(wordsAt(vmp, ptr, 1)[0]).toBe(0);
    wordsAt(vmp, ptr, 1)[0] = VALUE;
    expect(wordsAt(vmp, ptr, 1)[0]).toBe(VALUE);
    vmem_free(vmp, ptr);
  });

  it.each([
    [1, 4],
    [100, 10],
    [10, 3000],
    [1000, 1000],
    [3, MIB],
  ])('gives %d times %d zeros on memory that was used before', (nmemb, size) => {
    const vmp = create();
    for (let round = 0; round < 3; round++) {
      const pointers: number[] = [];
      for (let ptr = vmem_calloc(vmp, nmemb, size); ptr !== 0; ptr = vmem_calloc(vmp, nmemb, size)) {
        const bytes = bytesAt(vmp, ptr, nmemb * size);
        expect(bytes.every((byte) => byte === 0)).toBe(true);
        bytes.fill(0xff);
        pointers.push(ptr);
        if (pointers.length === 200) break;
      }
      expect(pointers.length).toBeGreaterThan(0);
      freeAll(vmp, pointers);
    }
    expectEmptyAndWhole(vmp);
  });

  it.each<[number, number]>([
    [SIZE_MAX, 2],
    [2, SIZE_MAX],
    [2 ** 32, 2 ** 32],
    [-1, -1],
    [1, VMEM_MIN_POOL],
    [SIZE_MAX / 2, 3],
  ])('is NULL with ENOMEM for %d times %d', (nmemb, size) => {
    const vmp = create();
    expect(outcome(() => vmem_calloc(vmp, nmemb, size))).toEqual([0, 'ENOMEM']);
  });

  it('gives a block for none, or of none', () => {
    const vmp = create();
    const pointers = [vmem_calloc(vmp, 0, 8), vmem_calloc(vmp, 8, 0), vmem_calloc(vmp, 0, SIZE_MAX)];
    expect(pointers).not.toContain(0);
    freeAll(vmp, pointers);
  });

  it.each(NO_SIZES)('is NULL with EINVAL for %p, which is no size', (size) => {
    const vmp = create();
    expect(outcome(() => vmem_calloc(vmp, size as number, 1))).toEqual([0, 'EINVAL']);
    expect(outcome(() => vmem_calloc(vmp, 1, size as number))).toEqual([0, 'EINVAL']);
  });
});

describeEachForm('vmem_realloc', ({ create }) => {
  it('of NULL is malloc, and keeps contents then', () => {
    const vmp = create();
    let ptr = vmem_realloc(vmp, 0, 4);
    expectInPool(vmp, ptr, 4);
    wordsAt(vmp, ptr, 1)[0] = VALUE;
    ptr = vmem_realloc(vmp, ptr, 40);
    expectInPool(vmp, ptr, 40);
    expect(wordsAt(vmp, ptr, 1)[0]).toBe(VALUE);
    wordsAt(vmp, ptr, 10)[9] = VALUE;
    vmem_free(vmp, ptr);
    expectEmptyAndWhole(vmp);
    expect(vmem_realloc(vmp, 0, 0)).not.toBe(0);
  });

  it('to nothing is free, and returns NULL without an error', () => {
    const vmp = create();
    for (const size of [1, 5000, MIB]) {
      const ptr = vmem_malloc(vmp, size);
      expect(outcome(() => vmem_realloc(vmp, ptr, 0))).toEqual([0, '']);
      expect(outcome(() => vmem_free(vmp, ptr))).toEqual([undefined, 'EFAULT']);
    }
    expectEmptyAndWhole(vmp);
  });

  it.each(TOO_MUCH)('is NULL with ENOMEM for %d bytes, and the block stays', (size) => {
    const vmp = create();
    const ptr = vmem_malloc(vmp, 1000);
    bytesAt(vmp, ptr, 1000).fill(5);
    expect(outcome(() => vmem_realloc(vmp, ptr, size))).toEqual([0, 'ENOMEM']);
    expect(outcome(() => vmem_realloc(vmp, 0, size))).toEqual([0, 'ENOMEM']);
    expect(bytesAt(vmp, ptr, 1000).every((byte) => byte === 5)).toBe(true);
    vmem_free(vmp, ptr);
    expectEmptyAndWhole(vmp);
  });

  it('of NULL to nothing is NULL with ENOMEM when memory is out', () => {
    const vmp = create();
    while (vmem_malloc(vmp, 8) !== 0);
    expect(outcome(() => vmem_realloc(vmp, 0, 0))).toEqual([0, 'ENOMEM']);
  });

  it('keeps contents up to the smaller size, whatever the sizes', () => {
    const random = randomFrom(seedFor('vmem_realloc'));
    const vmp = create();
    let ptr = vmem_malloc(vmp, 1);
    let kept = Uint8Array.of(7);
    bytesAt(vmp, ptr, 1).set(kept);
    for (let i = 0; i < 300; i++) {
      const size = 1 + random(random(4) === 0 ? 2 * MIB : 3000);
      ptr = vmem_realloc(vmp, ptr, size);
      expectInPool(vmp, ptr, size);
      const common = Math.min(size, kept.length);
      expect(Buffer.compare(bytesAt(vmp, ptr, common), kept.subarray(0, common))).toBe(0);
      kept = bytesAt(vmp, ptr, size).fill(random(256), common).slice();
    }
    vmem_free(vmp, ptr);
    expectEmptyAndWhole(vmp);
  });
});

describeEachForm('vmem_realloc_inplace', ({ create }) => {
  it('shrinks and grows where it is, and leaves memory for others', () => {
    const vmp = create(16 * MIB);
    const first = vmem_malloc(vmp, 12 * MIB);
    for (const size of [6 * MIB, 12 * MIB, 8 * MIB]) expect(vmem_realloc(vmp, first, size)).toBe(first);
    const second = vmem_malloc(vmp, 4 * MIB);
    expect(second).not.toBe(0);
    const small = vmem_realloc(vmp, first, 16);
    expect(small).not.toBe(0);
    expect(vmem_malloc_usable_size(vmp, small)).toBe(16);
    const third = vmem_malloc(vmp, 3 * MIB);
    expect(third).not.toBe(0);
    freeAll(vmp, [small, second, third]);
    expectEmptyAndWhole(vmp);
  });

  it('to less never fails, also when memory is out', () => {
    const vmp = create();
    const large = vmem_malloc(vmp, 4 * MIB);
    const others: number[] = [];
    for (const size of [MIB, PAGE, 8])
      for (let ptr = vmem_malloc(vmp, size); ptr !== 0; ptr = vmem_malloc(vmp, size)) others.push(ptr);
    const ptr = vmem_realloc(vmp, large, 16);
    expect(ptr).not.toBe(0);
    freeAll(vmp, [...others, ptr]);
    expectEmptyAndWhole(vmp);
  });

  it('stays where the block has room', () => {
    const vmp = create();
    const ptr = vmem_malloc(vmp, 100);
    const room = vmem_malloc_usable_size(vmp, ptr);
    expect([room, 100, 60].map((size) => vmem_realloc(vmp, ptr, size))).toEqual([ptr, ptr, ptr]);
  });
});

describeEachForm('vmem_aligned_alloc', ({ create }) => {
  for (let alignment = 1; alignment <= 4 * MIB; alignment *= 2) {
    it(`aligns to ${alignment}`, () => {
      const vmp = create();
      const pointers: number[] = [];
      for (let ptr; pointers.length < 100 && (ptr = vmem_aligned_alloc(vmp, alignment, 4)) !== 0;) {
        expectInPool(vmp, ptr, 4);
        expect(ptr % alignment).toBe(0);
        wordsAt(vmp, ptr, 1)[0] = VALUE;
        pointers.push(ptr);
      }
      expect(pointers.length).toBeGreaterThan(0);
      expect(pointers.every((ptr) => wordsAt(vmp, ptr, 1)[0] === VALUE)).toBe(true);
      freeAll(vmp, pointers);
      expectEmptyAndWhole(vmp);
    });
  }

  it.each([0, 3, 24, 4095, -8, -1, 0.5, 1.5, 3 * 2 ** 60, NaN, Infinity, SIZE_MAX])(
    'EINVAL: an alignment of %d',
    (alignment) => {
      const vmp = create();
      expect(outcome(() => vmem_aligned_alloc(vmp, alignment, 64))).toEqual([0, 'EINVAL']);
    },
  );

  it.each([undefined, '8', 8n, Symbol('8'), {}])('EINVAL: an alignment of %p', (alignment) => {
    const vmp = create();
    expect(outcome(() => vmem_aligned_alloc(vmp, alignment as number, 64))).toEqual([0, 'EINVAL']);
  });

  it.each([2 ** 24, 2 ** 31, 2 ** 52, 2 ** 53, 2 ** 63])('ENOMEM: an alignment of %d', (alignment) => {
    const vmp = create();
    expect(outcome(() => vmem_aligned_alloc(vmp, alignment, 64))).toEqual([0, 'ENOMEM']);
  });

  it.each(TOO_MUCH)('ENOMEM: %d bytes', (size) => {
    const vmp = create();
    expect(outcome(() => vmem_aligned_alloc(vmp, 64, size))).toEqual([0, 'ENOMEM']);
  });
});

describeEachForm('vmem_malloc_usable_size', ({ create }) => {
  it('is no less than what was asked for, and not much more; all of it can be used', () => {
    const vmp = create(2 * VMEM_MIN_POOL);
    expect(outcome(() => vmem_malloc_usable_size(vmp, 0))).toEqual([0, '']);
    const most: [number, number][] = [
      [10, 8],
      [100, 16],
      [200, 32],
      [500, 64],
      [1000, 128],
      [2000, 256],
      [3000, 512],
      ...Array.from({ length: 9 }, (_, i): [number, number] => [(i + 1) * MIB, PAGE]),
    ];
    for (const [size, more] of most) {
      const ptr = vmem_malloc(vmp, size);
      const usable = vmem_malloc_usable_size(vmp, ptr);
      expect(usable).toBeGreaterThanOrEqual(size);
      expect(usable - size).toBeLessThanOrEqual(more);
      bytesAt(vmp, ptr, usable).fill(0xee);
      vmem_free(vmp, ptr);
    }
    expect(vmem_check(vmp)).toBe(1);
  });

  it('never gets less as sizes grow', () => {
    const vmp = create();
    let last = 0;
    for (let size = 0; size < 70_000; size = Math.ceil((size + 1) * 1.01)) {
      const ptr = vmem_malloc(vmp, size);
      const usable = vmem_malloc_usable_size(vmp, ptr);
      expect(usable).toBeGreaterThanOrEqual(last);
      last = usable;
      vmem_free(vmp, ptr);
    }
  });
});
