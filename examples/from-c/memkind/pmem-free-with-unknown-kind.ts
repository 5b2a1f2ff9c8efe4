// pmem_free_with_unknown_kind: blocks of two kinds are freed without saying which kind they are of.

import {
  MEMKIND_DEFAULT,
  MEMKIND_PMEM_MIN_SIZE,
  errno,
  memkind_create_pmem,
  memkind_destroy_kind,
  memkind_detect_kind,
  memkind_free,
  setErrno,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { fail, run } from '../program';
import { allocate, printString, succeed, tellPlace, writeString } from './steps';

const BLOCKS = 100;

void run((dir) => {
  const path = tellPlace('Frees memory without naming its kind.', dir);

  const pmem: { value: memkind_t | null } = { value: null };
  succeed(memkind_create_pmem(path, MEMKIND_PMEM_MIN_SIZE + 4096, pmem));

  const blocks = Array.from({ length: BLOCKS }, (_, i) =>
    allocate(i < BLOCKS / 2 ? MEMKIND_DEFAULT : pmem.value, 512),
  );
  writeString(blocks[10], 'Hello world from ordinary memory, block 10.');
  writeString(blocks[40], 'Hello world from ordinary memory, block 40.');
  writeString(blocks[80], 'Hello world from the file, block 80.');
  for (const i of [10, 40, 80]) printString(blocks[i]);

  setErrno(0);
  for (const ptr of blocks) memkind_free(null, ptr);
  if (errno() !== 0) fail(`a block was not freed: errno ${errno()}`);
  const left = blocks.filter((ptr) => memkind_detect_kind(ptr) !== null);
  if (left.length > 0) fail(`${left.length} blocks are still live`);

  succeed(memkind_destroy_kind(pmem.value));
  console.log(`${BLOCKS} blocks were released.`);
});
