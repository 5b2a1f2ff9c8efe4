// pmem_detect_kind: blocks of two kinds in one list; those of one kind are found by their pointers and made larger.

import {
  MEMKIND_DEFAULT,
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_detect_kind,
  memkind_malloc_usable_size,
  memkind_realloc,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { fail, run } from '../program';
import { allocate, succeed, tellPlace } from './steps';

const BLOCKS = 1000;
const SIZE = 512;
const LARGER_SIZE = 2048;

void run((dir) => {
  const path = tellPlace('Tells blocks of several kinds apart.', dir);

  const pmem: { value: memkind_t | null } = { value: null };
  succeed(memkind_create_pmem(path, 0, pmem));

  const kindOf = (i: number): memkind_t | null => (i % 2 === 0 ? MEMKIND_DEFAULT : pmem.value);
  const sizeOf = (i: number): number => memkind_malloc_usable_size(kindOf(i), blocks[i]);

  const blocks = Array.from({ length: BLOCKS }, (_, i) => allocate(kindOf(i), SIZE));
  console.log(`${BLOCKS} blocks of ${SIZE} bytes, of MEMKIND_DEFAULT and of the file by turns`);
  const sizes = blocks.map((_, i) => sizeOf(i));
  if (sizes.some((size) => size < SIZE)) fail('a block is too small');

  let found = 0;
  blocks.forEach((ptr, i) => {
    if (memkind_detect_kind(ptr) === MEMKIND_DEFAULT) return;
    found++;
    blocks[i] = memkind_realloc(null, ptr, LARGER_SIZE);
    if (blocks[i] === 0) fail(`block ${i} can't be made larger`);
  });
  sizes.forEach((size, i) => {
    const isAsExpected = i % 2 === 0 ? sizeOf(i) === size : sizeOf(i) >= LARGER_SIZE;
    if (!isAsExpected) fail(`block ${i} has ${sizeOf(i)} bytes`);
  });
  console.log(`${found} of them were found to be of the file, and have room for ${LARGER_SIZE} bytes now`);

  succeed(memkind_destroy_kind(pmem.value));
});
