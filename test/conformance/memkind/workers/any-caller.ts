// Calls every function with all kinds of values in the place of each argument, the others being good ones, and prints what
// was thrown, or run, or done to a kind.

import * as memkind from '@vmem-ts/vmem-api/memkind';
import { anyValues } from '../../any-values';

const { memkind_malloc, memkind_create_fixed, memkind_destroy_kind } = memkind;
const odd: string[] = [];
const values = anyValues(() => odd.push('code of an argument was run'));

const BYTES = 14 * 1024 * 1024;
const out = <T>(value: T | null = null): { value: T | null } => ({ value });
function fixedKind(): memkind.PmemKind {
  const holder = out<memkind.memkind_t>();
  memkind_create_fixed(new SharedArrayBuffer(BYTES), BYTES, holder);
  return holder.value as memkind.PmemKind;
}
const kind = fixedKind();
const gone = fixedKind();
values.push(gone, memkind_malloc(gone, 8), kind.base + kind.size, memkind.MEMKIND_HBW);
memkind_destroy_kind(gone);
const block = memkind_malloc(kind, 64);
const config = memkind.memkind_config_new();
const missing = '/no such directory';

/** Good arguments, which make no kind. What a call makes is not taken back: the kind is large enough. */
const CALLS: [(...args: never[]) => unknown, () => unknown[]][] = [
  [memkind.memkind_error_message, () => [-1, new Uint8Array(20), 20]],
  [memkind.memkind_config_delete, () => [null]],
  [memkind.memkind_config_set_path, () => [config, missing]],
  [memkind.memkind_config_set_size, () => [config, 2 ** 24]],
  [memkind.memkind_config_set_memory_usage_policy, () => [config, 0]],
  [memkind.memkind_create_kind, () => [1, 2, 0, out()]],
  [memkind.memkind_create_pmem, () => [missing, 2 ** 24, out()]],
  [memkind.memkind_create_pmem_with_config, () => [config, out()]],
  [memkind_create_fixed, () => [new SharedArrayBuffer(8), 8, out()]],
  [memkind_destroy_kind, () => [null]],
  [memkind.memkind_attach, () => [{}, out()]],
  [memkind.memkind_detach, () => [null]],
  [memkind.memkind_check_available, () => [kind]],
  [memkind.memkind_get_capacity, () => [kind]],
  [memkind.memkind_set_allow_zero_allocs, () => [kind, true]],
  [memkind.memkind_set_bg_threads, () => [true]],
  [memkind.memkind_detect_kind, () => [block]],
  [memkind_malloc, () => [kind, 8]],
  [memkind.memkind_calloc, () => [kind, 8, 8]],
  [memkind.memkind_posix_memalign, () => [kind, out(), 16, 8]],
  [memkind.memkind_realloc, () => [kind, memkind_malloc(kind, 8), 8]],
  [memkind.memkind_free, () => [kind, memkind_malloc(kind, 8)]],
  [memkind.memkind_malloc_usable_size, () => [kind, block]],
  [memkind.memkind_defrag_reallocate, () => [kind, block]],
  [memkind.memkind_view, () => [Uint8Array, block, 8]],
  [memkind.memkind_get_stat, () => [kind, 0, out()]],
  [memkind.memkind_stats_print, () => [(): void => undefined, null, 0]],
  [memkind.memkind_pmem_validate_dir, () => [missing]],
  [memkind.memkind_pmem_create, () => [{ ...out(), dir: missing }, memkind.MEMKIND_PMEM_OPS, 'name']],
  [memkind.memkind_pmem_mmap, () => [kind, 0, 8]],
  [memkind.memkind_pmem_get_mmap_flags, () => [kind, out()]],
];

const trap = (): never => {
  odd.push('code of a handle was run');
  throw new Error('trapped');
};
/** In place of a kind; of a holder C would not write to it without the caller's setter, either. */
const trapped = new Proxy(kind, { get: trap, set: trap, has: trap, getPrototypeOf: trap });

/** A kind that a call has made after all, since its holder told no directory, takes 14 MiB of that for temporary files. */
function destroyMade(holder: unknown): void {
  try {
    const made: unknown = Object.getOwnPropertyDescriptor(holder, 'value')?.value;
    if (made instanceof memkind.PmemKind && made !== kind) made.delete();
  } catch {
    // nothing, or a proxy that was revoked: there is no kind
  }
}

let calls = 0;
for (const [call, good] of CALLS) {
  good().forEach((goodOne, i) => {
    const others = goodOne === kind ? [...values, trapped] : values;
    others.forEach((value, index) => {
      const printsOnStderr = call === memkind.memkind_stats_print && i === 0 && (value ?? null) === null;
      if (printsOnStderr) return;
      const args = good();
      args[i] = value;
      calls++;
      try {
        Reflect.apply(call, undefined, args);
      } catch (error) {
        odd.push(`${call.name}, argument ${i}, value ${index}: ${String(error)}`);
      }
      args.forEach(destroyMade);
    });
  });
}
if (kind.check() !== 1) odd.push('the kind is damaged');
process.stdout.write(JSON.stringify({ calls, odd }));
