// pmem_usable_size: how much more room blocks have than was asked for. The figures are not those of C: there are more size
// classes here, and large blocks take whole pages. The kind has a limit, which the one in C has not: where a kind may become
// larger than 16 GiB, small blocks are larger, too.

import {
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_free,
  memkind_malloc_usable_size,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { fail, run } from '../program';
import { MIB, allocate, succeed, tellPlace } from './steps';

void run((dir) => {
  const path = tellPlace('Shows how large blocks really are.', dir);

  const kind: { value: memkind_t | null } = { value: null };
  succeed(memkind_create_pmem(path, 32 * MIB, kind));

  const tell = (size: number): number => {
    const ptr = allocate(kind.value, size);
    const usable = memkind_malloc_usable_size(kind.value, ptr);
    console.log(`${size} bytes: ${usable}`);
    if (usable < size) fail(`the block of ${size} bytes has room for ${usable} only`);
    memkind_free(kind.value, ptr);
    return usable;
  };
  const exact = tell(32);
  if (tell(31) !== exact) fail('31 bytes should get a block of 32');
  if (tell(33) <= exact) fail('33 bytes should get a larger block than 32');
  if (tell(5 * MIB) !== 5 * MIB) fail('5 MiB should get just that');
  if (tell(5 * MIB + 1) <= 5 * MIB) fail('a byte more than 5 MiB should get a larger block');

  succeed(memkind_destroy_kind(kind.value));
  console.log('The real sizes were read.');
});
