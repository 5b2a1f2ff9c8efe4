// pmem_alignment: how far apart blocks of 32 bytes lie, as they come and at multiples of 64.

import {
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_free,
  memkind_posix_memalign,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { fail, run } from '../program';
import { MIB, allocate, succeed, tellPlace } from './steps';

const SIZE = 32;
const ALIGNMENT = 64;

void run((dir) => {
  const path = tellPlace('Allocates blocks with an alignment.', dir);

  const kind: { value: memkind_t | null } = { value: null };
  succeed(memkind_create_pmem(path, 32 * MIB, kind));

  const first = allocate(kind.value, SIZE);
  const second = allocate(kind.value, SIZE);
  const distance = Math.abs(second - first);
  console.log(`blocks of ${SIZE} bytes are ${distance} apart`);
  if (distance !== SIZE) fail('they should lie side by side');
  memkind_free(kind.value, first);
  memkind_free(kind.value, second);

  const third = { value: 0 };
  const fourth = { value: 0 };
  succeed(memkind_posix_memalign(kind.value, third, ALIGNMENT, SIZE));
  succeed(memkind_posix_memalign(kind.value, fourth, ALIGNMENT, SIZE));
  const alignedDistance = Math.abs(fourth.value - third.value);
  console.log(`aligned to ${ALIGNMENT} they are ${alignedDistance} apart`);
  if (third.value % ALIGNMENT !== 0 || fourth.value % ALIGNMENT !== 0) fail('they are not aligned');
  if (alignedDistance !== ALIGNMENT) fail('they should lie side by side');
  memkind_free(kind.value, third.value);
  memkind_free(kind.value, fourth.value);

  succeed(memkind_destroy_kind(kind.value));
  console.log('The memory was allocated with an alignment.');
});
