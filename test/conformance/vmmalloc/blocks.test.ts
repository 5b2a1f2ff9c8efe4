// What libvmmalloc's own tests ask of each function, in the main thread alone and with workers that do the same at once.

import { MIB } from '../../support/pools';
import { outputOf } from './program';

describe.each([0, 3])('with %i workers', (workers) => {
  /** The program of that name ends well in a pool of so much memory for each thread. */
  function expectDone(name: string, mebibytes = 16): void {
    const size = String((workers + 1) * mebibytes * MIB);
    expect(outputOf('blocks', [name, workers], { VMMALLOC_POOL_SIZE: size })).toBe('DONE');
  }

  test('vmmalloc_malloc', () => {
    expectDone('malloc');
  });

  test('vmmalloc_calloc', () => {
    expectDone('calloc');
  });

  test('vmmalloc_realloc', () => {
    expectDone('realloc');
  });

  test.each(['memalign', 'posix_memalign', 'aligned_alloc'])('vmmalloc_memalign: %s', (name) => {
    expectDone(name);
  });

  test.each(['valloc', 'pvalloc'])('vmmalloc_valloc: %s', (name) => {
    expectDone(name);
  });

  test('vmmalloc_malloc_usable_size', () => {
    expectDone('malloc_usable_size', 32);
  });

  test('vmmalloc_check_allocations', () => {
    expectDone('check_allocations');
  });

  test('vmmalloc_out_of_memory', () => {
    expectDone('out_of_memory', 14);
  });
});
