// Calls every function with all kinds of values in the place of each argument, the others being good ones, and prints what
// was thrown, or run, or done to a pool.

import * as libvmem from '@vmem-ts/vmem-api/libvmem';
import { anyValues } from '../../any-values';

const odd: string[] = [];
const values = anyValues(() => odd.push('code of an argument was run'));
const { VMEM_MIN_POOL } = libvmem;
const vmp = libvmem.vmem_create_in_region(new SharedArrayBuffer(VMEM_MIN_POOL), VMEM_MIN_POOL)!;
const block = libvmem.vmem_malloc(vmp, 64);

/** Good arguments. What a call makes is not taken back: the pool is large enough. */
const CALLS: [(...args: never[]) => unknown, () => unknown[]][] = [
  [libvmem.vmem_create, () => ['/no such directory', VMEM_MIN_POOL]],
  [libvmem.vmem_create_in_region, () => [new SharedArrayBuffer(8), 8]],
  [libvmem.vmem_attach, () => [{}]],
  [libvmem.vmem_check, () => [vmp]],
  [libvmem.vmem_malloc, () => [vmp, 8]],
  [libvmem.vmem_free, () => [vmp, libvmem.vmem_malloc(vmp, 8)]],
  [libvmem.vmem_calloc, () => [vmp, 8, 8]],
  [libvmem.vmem_realloc, () => [vmp, libvmem.vmem_malloc(vmp, 8), 8]],
  [libvmem.vmem_aligned_alloc, () => [vmp, 8, 8]],
  [libvmem.vmem_strdup, () => [vmp, 'text']],
  [libvmem.vmem_wcsdup, () => [vmp, 'text']],
  [libvmem.vmem_malloc_usable_size, () => [vmp, block]],
  [libvmem.vmem_stats_print, () => [vmp, 'gmabl']],
  [libvmem.vmem_check_version, () => [1, 1]],
];

let calls = 0;
for (const [call, good] of CALLS) {
  good().forEach((_, i) => {
    values.forEach((value, kind) => {
      const args = good();
      args[i] = value;
      calls++;
      try {
        Reflect.apply(call, undefined, args);
      } catch (error) {
        odd.push(`${call.name}, argument ${i}, value ${kind}: ${String(error)}`);
      }
    });
  });
}
for (const value of values) {
  for (const call of [libvmem.vmem_delete, libvmem.vmem_detach]) {
    try {
      call(value as never);
    } catch (error) {
      odd.push(`${call.name}: ${String(error)}`);
    }
  }
}
// memory on the side that whoever has given it takes away
const given: ArrayBuffer[] = [];
const give = (size: number): Uint8Array => new Uint8Array(given[given.push(new ArrayBuffer(size)) - 1]);
libvmem.vmem_set_funcs(give, null, null, (text) => give(text.length + 1), null);
const bare = libvmem.vmem_create_in_region(new SharedArrayBuffer(VMEM_MIN_POOL), VMEM_MIN_POOL)!;
libvmem.vmem_set_funcs(null, null, null, null, null);
for (const buffer of given) structuredClone(buffer, { transfer: [buffer] });
try {
  libvmem.vmem_free(bare, libvmem.vmem_malloc(bare, 8));
  libvmem.vmem_delete(bare);
} catch (error) {
  odd.push(`after memory on the side was detached: ${String(error)}`);
}

if (libvmem.vmem_check(vmp) !== 1) odd.push(libvmem.vmem_errormsg());
process.stdout.write(JSON.stringify({ calls, odd }));
