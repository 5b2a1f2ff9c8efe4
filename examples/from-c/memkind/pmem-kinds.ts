// pmem_kinds: kinds with a limit and without one, and ten of them at a time.

import { memkind_create_pmem, memkind_destroy_kind, type memkind_t } from '@vmem-ts/vmem-api/memkind';
import { run } from '../program';
import { MIB, succeed, tellPlace } from './steps';

const LIMIT = 32 * MIB;
const KINDS = 10;

void run((dir) => {
  const path = tellPlace('Creates and destroys kinds with a limit and without one.', dir, KINDS);

  const limited: { value: memkind_t | null } = { value: null };
  const unlimited: { value: memkind_t | null } = { value: null };
  succeed(memkind_create_pmem(path, LIMIT, limited));
  succeed(memkind_create_pmem(path, 0, unlimited));
  succeed(memkind_destroy_kind(limited.value));
  succeed(memkind_destroy_kind(unlimited.value));

  const kinds = Array.from({ length: KINDS }, (): { value: memkind_t | null } => ({ value: null }));
  for (const kind of kinds) succeed(memkind_create_pmem(path, LIMIT, kind));
  for (const kind of kinds) succeed(memkind_destroy_kind(kind.value));
  console.log(`${KINDS + 2} kinds were created and destroyed.`);
});
