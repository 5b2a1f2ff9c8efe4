// Pools in heavy use: filled, emptied, filled again.

import { VMEM_MIN_POOL, vmem_calloc, vmem_check, vmem_free, vmem_malloc } from '@vmem-ts/vmem-api/libvmem';
import { MIB } from '../../support/pools';
import { bytesAt, describeEachForm, expectEmptyAndWhole, freeAll, outcome, wordsAt } from './forms';

describeEachForm('vmem_check_allocations', ({ create }) => {
  for (let size = 8; size <= 4 * MIB; size *= 2) {
    it(`blocks of ${size} bytes that fill the pool keep what is written into them`, () => {
      const vmp = create();
      const pointers: number[] = [];
      for (let ptr = vmem_malloc(vmp, size); ptr !== 0; ptr = vmem_malloc(vmp, size)) {
        bytesAt(vmp, ptr, size).fill(pointers.length);
        pointers.push(ptr);
      }
      expect(pointers.length * size).toBeGreaterThan(VMEM_MIN_POOL / 2);
      expect(pointers.at(-1)! + size).toBeLessThanOrEqual(vmp.size);
      const changed = pointers.filter((ptr, i) => !isFullOf(bytesAt(vmp, ptr, size), i & 255));
      expect(changed).toEqual([]);
      expect(vmem_check(vmp)).toBe(1);
      freeAll(vmp, pointers);
      expectEmptyAndWhole(vmp);
    });
  }
});

const isFullOf = (bytes: Uint8Array, value: number): boolean => {
  for (const byte of bytes) if (byte !== value) return false;
  return true;
};

describeEachForm('vmem_mix_allocations', ({ create }) => {
  it('blocks from 8 MiB down to a byte take more than half of the pool', () => {
    const vmp = create();
    const pointers: number[] = [];
    let sum = 0;
    for (let size = 8 * MIB; size >= 1; size /= 2) {
      const ptr = vmem_malloc(vmp, size);
      if (ptr === 0) continue;
      expect(ptr + size).toBeLessThanOrEqual(vmp.size);
      sum += size;
      pointers.push(ptr);
    }
    expect(2 * sum).toBeGreaterThan(VMEM_MIN_POOL);
    freeAll(vmp, pointers.reverse());
    expectEmptyAndWhole(vmp);
  });
});

describeEachForm('vmem_out_of_memory', ({ create }) => {
  it.each([8, 100, 5000, 100_000, MIB])('NULL and ENOMEM end a chain of blocks of %d bytes', (size) => {
    const vmp = create();
    const lengths: number[] = [];
    for (let round = 0; round < 3; round++) {
      let last = 0;
      let length = 0;
      for (;;) {
        const [ptr, error] = outcome(() => vmem_malloc(vmp, size));
        if (ptr === 0) {
          expect(error).toBe('ENOMEM');
          break;
        }
        wordsAt(vmp, ptr, 1)[0] = last;
        last = ptr;
        length++;
      }
      expect(last).not.toBe(0);
      expect(outcome(() => vmem_calloc(vmp, 1, size))).toEqual([0, 'ENOMEM']);
      lengths.push(length);
      while (last !== 0) {
        const ptr = last;
        last = wordsAt(vmp, ptr, 1)[0];
        vmem_free(vmp, ptr);
      }
      expectEmptyAndWhole(vmp);
    }
    expect(Math.min(...lengths)).toBeGreaterThan(0.95 * Math.max(...lengths)); // none is lost on the way
  });
});

describeEachForm('vmem_pages_purging', ({ create }) => {
  const WORDS = 3584 / 4;
  it.each(['vmem_malloc', 'vmem_calloc'])('a block of %s is whole each time that it is had', (name) => {
    const vmp = create();
    for (let i = 0; i < 100; i++) {
      const ptr = name === 'vmem_calloc' ? vmem_calloc(vmp, 1, WORDS * 4) : vmem_malloc(vmp, WORDS * 4);
      expect(ptr).not.toBe(0);
      const words = wordsAt(vmp, ptr, WORDS);
      if (name === 'vmem_calloc') expect(words.every((word) => word === 0)).toBe(true);
      expect(words.fill(123_456).every((word) => word === 123_456)).toBe(true);
      vmem_free(vmp, ptr);
    }
    expectEmptyAndWhole(vmp);
  });

  it('zeros come back from pages that were given back', () => {
    const vmp = create();
    for (let round = 0; round < 5; round++) {
      const pointers = Array.from({ length: 4 }, () => vmem_calloc(vmp, 1, 2 * MIB));
      for (const ptr of pointers) {
        const bytes = bytesAt(vmp, ptr, 2 * MIB);
        expect(isFullOf(bytes, 0)).toBe(true);
        bytes.fill(0xff);
      }
      freeAll(vmp, pointers);
      vmp.purge();
    }
    expectEmptyAndWhole(vmp);
  });
});
