// pmem_malloc_unlimited: large blocks of a kind without a limit. Arguments: the directory, and how many bytes in all.

import {
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_free,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { numberOf, run } from '../program';
import { MIB, allocate, succeed, tellPlace } from './steps';

void run((dir, [bytes]) => {
  const half = Math.ceil(numberOf(bytes, 64 * MIB) / 2);
  const path = tellPlace('Allocates memory of a kind that only the file system limits.', dir);

  const kind: { value: memkind_t | null } = { value: null };
  succeed(memkind_create_pmem(path, 0, kind));

  const first = allocate(kind.value, half);
  const second = allocate(kind.value, half);
  console.log(`two blocks of ${half} bytes`);

  memkind_free(kind.value, first);
  memkind_free(kind.value, second);
  succeed(memkind_destroy_kind(kind.value));
  console.log('The memory was allocated and released.');
});
