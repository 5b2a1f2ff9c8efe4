// pmem_malloc: blocks of a kind with a limit, strings in them, and a request beyond the limit, which gets NULL.

import {
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_free,
  memkind_malloc,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { fail, run } from '../program';
import { MIB, allocate, printString, succeed, tellPlace, writeString } from './steps';

void run((dir) => {
  const path = tellPlace('Allocates memory of a kind with a limit, and tries to have more than that.', dir);

  const kind: { value: memkind_t | null } = { value: null };
  succeed(memkind_create_pmem(path, 32 * MIB, kind));

  const first = allocate(kind.value, 512);
  const second = allocate(kind.value, 8 * MIB);
  const third = allocate(kind.value, 16 * MIB);
  // less than 8 MiB are left; on a DAX device, of which a kind has whole units, less than 1 GiB
  if (memkind_malloc(kind.value, 1024 * MIB) !== 0) fail('a block that should not fit was allocated');

  writeString(first, 'Hello world from the first block.');
  writeString(second, 'Hello world from the second block.');
  writeString(third, 'Hello world from the third block.');
  for (const ptr of [first, second, third]) printString(ptr);

  for (const ptr of [first, second, third]) memkind_free(kind.value, ptr);
  succeed(memkind_destroy_kind(kind.value));
  console.log('The memory was allocated and released.');
});
