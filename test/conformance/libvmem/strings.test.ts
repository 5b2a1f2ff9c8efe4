// Copies of strings.

import {
  vmem_free,
  vmem_malloc,
  vmem_malloc_usable_size,
  vmem_strdup,
  vmem_wcsdup,
  type VMEM,
} from '@vmem-ts/vmem-api/libvmem';
import { MIB, PAGE } from '../../support/pools';
import { bytesAt, describeEachForm, expectEmptyAndWhole, freeAll, outcome, wordsAt } from './forms';

const TEXTS = ['Some test text', '', 'aé€😀ÿ', 'long€'.repeat(10_000)];

function readString(vmp: VMEM, ptr: number): string {
  const bytes = bytesAt(vmp, ptr, vmem_malloc_usable_size(vmp, ptr));
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
}

function readWide(vmp: VMEM, ptr: number): string {
  const words = wordsAt(vmp, ptr, vmem_malloc_usable_size(vmp, ptr) >> 2);
  return Array.from(words.subarray(0, words.indexOf(0)), (point) => String.fromCodePoint(point)).join('');
}

describeEachForm('vmem_strdup', ({ create }) => {
  it.each(TEXTS)('copies %.20j, and copies the copy', (text) => {
    const vmp = create();
    const [first, error] = outcome(() => vmem_strdup(vmp, text));
    expect([readString(vmp, first), error]).toEqual([text, '']);
    const [second, error2] = outcome(() => vmem_strdup(vmp, first));
    expect(second).not.toBe(first);
    expect([readString(vmp, second), error2]).toEqual([text, '']);
    const tail = vmem_strdup(vmp, first + Buffer.byteLength(text.slice(0, 1)));
    expect(readString(vmp, tail)).toBe(text === '' ? '' : text.slice(1));
    freeAll(vmp, [first, second, tail]);
    expectEmptyAndWhole(vmp);
  });

  it('ends at a NUL, as strings in C do', () => {
    const vmp = create();
    const ptr = vmem_strdup(vmp, `${'a'.repeat(7)}\0${'b'.repeat(1000)}`);
    expect(readString(vmp, ptr)).toBe('aaaaaaa');
    expect(vmem_malloc_usable_size(vmp, ptr)).toBe(8);
  });
});

describeEachForm('vmem_wcsdup', ({ create }) => {
  it.each(TEXTS)('copies %.20j, and copies the copy', (text) => {
    const vmp = create();
    const [first, error] = outcome(() => vmem_wcsdup(vmp, text));
    expect([readWide(vmp, first), error]).toEqual([text, '']);
    const second = vmem_wcsdup(vmp, first);
    expect(readWide(vmp, second)).toBe(text);
    freeAll(vmp, [first, second]);
    expectEmptyAndWhole(vmp);
  });

  it('copies from a pointer that is at no multiple of 4', () => {
    const vmp = create();
    const ptr = vmem_malloc(vmp, 64);
    bytesAt(vmp, ptr, 64).fill(0xff).set([65, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], 3);
    const copy = vmem_wcsdup(vmp, ptr + 3);
    expect([...wordsAt(vmp, copy, 3)]).toEqual([65, 256, 0]);
    freeAll(vmp, [ptr, copy]);
    expectEmptyAndWhole(vmp);
  });
});

describeEachForm('vmem_strdup, vmem_wcsdup', ({ create }) => {
  it.each([
    ['vmem_strdup', vmem_strdup],
    ['vmem_wcsdup', vmem_wcsdup],
  ])('%s fails with an errno, and takes nothing', (_, dup) => {
    const vmp = create();
    const endless = vmem_malloc(vmp, 8);
    bytesAt(vmp, endless, 8).fill(1);
    const freed = vmem_malloc(vmp, 5000);
    vmem_free(vmp, freed);
    for (const ptr of [0, freed, PAGE, vmp.size, 2 ** 40, -1, 0.5, NaN])
      expect([ptr, ...outcome(() => dup(vmp, ptr))]).toEqual([ptr, 0, 'EFAULT']);
    expect(outcome(() => dup(vmp, endless))).toEqual([0, 'EINVAL']);
    for (const text of [undefined, null, {}, ['a'], 1n, Symbol('a')] as unknown[])
      expect(outcome(() => dup(vmp, text as string))).toEqual([0, 'EINVAL']);
    expect(outcome(() => dup(vmp, 'x'.repeat(15 * MIB)))).toEqual([0, 'ENOMEM']);
    const large = vmem_malloc(vmp, 8 * MIB);
    bytesAt(vmp, large, 8 * MIB)
      .fill(1, 0, 8 * MIB - 4)
      .fill(0, 8 * MIB - 4);
    expect(outcome(() => dup(vmp, large))).toEqual([0, 'ENOMEM']);
    freeAll(vmp, [endless, large]);
    expectEmptyAndWhole(vmp);
  });
});
