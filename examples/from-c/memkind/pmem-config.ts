// pmem_config: a kind made of a configuration, with the policy that gives freed memory back.

import {
  MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE,
  memkind_config_delete,
  memkind_config_new,
  memkind_config_set_memory_usage_policy,
  memkind_config_set_path,
  memkind_config_set_size,
  memkind_create_pmem_with_config,
  memkind_destroy_kind,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { run } from '../program';
import { MIB, succeed, tellPlace } from './steps';

void run((dir) => {
  const path = tellPlace('Creates a kind of a configuration.', dir);

  const cfg = memkind_config_new();
  memkind_config_set_path(cfg, path);
  memkind_config_set_size(cfg, 32 * MIB);
  memkind_config_set_memory_usage_policy(cfg, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE);

  const kind: { value: memkind_t | null } = { value: null };
  succeed(memkind_create_pmem_with_config(cfg, kind));
  succeed(memkind_destroy_kind(kind.value));
  memkind_config_delete(cfg);
  console.log('The kind and its configuration were created and destroyed.');
});
