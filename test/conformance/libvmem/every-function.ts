// A call of every function that takes a pool.

import {
  vmem_aligned_alloc,
  vmem_calloc,
  vmem_check,
  vmem_delete,
  vmem_detach,
  vmem_free,
  vmem_malloc,
  vmem_malloc_usable_size,
  vmem_realloc,
  vmem_stats_print,
  vmem_strdup,
  vmem_wcsdup,
  type VMEM,
} from '@vmem-ts/vmem-api/libvmem';

/** Each with what it returns when it fails. */
export function everyFunction(vmp: VMEM | null, ptr: number): [() => unknown, unknown][] {
  return [
    [
      function malloc() {
        return vmem_malloc(vmp, 100);
      },
      0,
    ],
    [
      function free() {
        vmem_free(vmp, ptr);
      },
      undefined,
    ],
    [
      function calloc() {
        return vmem_calloc(vmp, 10, 10);
      },
      0,
    ],
    [
      function realloc() {
        return vmem_realloc(vmp, ptr, 200);
      },
      0,
    ],
    [
      function reallocOfNull() {
        return vmem_realloc(vmp, 0, 200);
      },
      0,
    ],
    [
      function alignedAlloc() {
        return vmem_aligned_alloc(vmp, 64, 64);
      },
      0,
    ],
    [
      function strdup() {
        return vmem_strdup(vmp, 'text');
      },
      0,
    ],
    [
      function strdupOfPointer() {
        return vmem_strdup(vmp, ptr);
      },
      0,
    ],
    [
      function wcsdup() {
        return vmem_wcsdup(vmp, 'text');
      },
      0,
    ],
    [
      function usableSize() {
        return vmem_malloc_usable_size(vmp, ptr);
      },
      0,
    ],
    [
      function check() {
        return vmem_check(vmp);
      },
      -1,
    ],
    [
      function statsPrint() {
        vmem_stats_print(vmp, 'gmabl');
      },
      undefined,
    ],
    [
      function detach() {
        vmem_detach(vmp);
      },
      undefined,
    ],
    [
      function remove() {
        vmem_delete(vmp);
      },
      undefined,
    ],
  ];
}
