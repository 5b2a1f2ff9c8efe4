// What a kind is to be made of, set piece by piece. memkind(3), KIND CONFIGURATION MANAGEMENT

import { VmemError, describe } from '@vmem-ts/allocator';
import { sizeOf } from '../c/size';
import { MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE, MEMKIND_MEM_USAGE_POLICY_DEFAULT } from './codes';
import { note } from './failures';
import type { PmemPolicy } from './pmem-kind';

/** struct memkind_config */
export class MemkindConfig {
  pmem_dir = '';
  pmem_size = 0;
  policy: number = MEMKIND_MEM_USAGE_POLICY_DEFAULT;
}

/** Those that nobody has deleted. */
const live = new WeakSet<MemkindConfig>();

const POLICIES: ReadonlyMap<unknown, PmemPolicy> = new Map<unknown, PmemPolicy>([
  [MEMKIND_MEM_USAGE_POLICY_DEFAULT, 'default'],
  [MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE, 'conservative'],
]);

/** @throws VmemError EINVAL */
export function policyOf({ policy }: MemkindConfig): PmemPolicy {
  const found = POLICIES.get(policy);
  if (found !== undefined) return found;
  throw new VmemError('EINVAL', `policy: expected a MEMKIND_MEM_USAGE_POLICY, got ${describe(policy)}`);
}

/** @throws VmemError EINVAL */
export function requireConfig(cfg: unknown): MemkindConfig {
  if (live.has(cfg as MemkindConfig)) return cfg as MemkindConfig;
  throw new VmemError('EINVAL', 'cfg: expected what memkind_config_new returned, and nobody has deleted yet');
}

/** A configuration of no directory, without a limit, of the default policy. */
export function memkind_config_new(): MemkindConfig {
  const made = new MemkindConfig();
  live.add(made);
  return made;
}

/** Nothing can be made of it any more. NULL is left alone, as free(3) does. */
export function memkind_config_delete(cfg: MemkindConfig | null): void {
  if (cfg !== null) change(cfg, (config) => live.delete(config));
}

/** The directory of the kind's file. Not looked at before a kind is made. */
export function memkind_config_set_path(cfg: MemkindConfig, pmem_dir: string): void {
  change(cfg, (config) => (config.pmem_dir = pmem_dir));
}

/** The kind's limit in bytes, 0 for none. Not looked at before a kind is made. */
export function memkind_config_set_size(cfg: MemkindConfig, pmem_size: number): void {
  change(cfg, (config) => (config.pmem_size = sizeOf(pmem_size)));
}

/** One of MEMKIND_MEM_USAGE_POLICY. Not looked at before a kind is made. */
export function memkind_config_set_memory_usage_policy(cfg: MemkindConfig, policy: number): void {
  change(cfg, (config) => (config.policy = policy));
}

function change(cfg: MemkindConfig, write: (config: MemkindConfig) => void): void {
  try {
    write(requireConfig(cfg));
  } catch (error) {
    note(error);
  }
}
