// Kinds that are there without being made. Two are of ordinary memory: a growing pool each, made when it is first used. The
// others stand for hardware that memory is to be taken from, which nothing here can choose; programs that ask
// `memkind_check_available` before they use one learn it.

import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { VmemError } from '@vmem-ts/allocator';
import { PmemKind, makeAnonymousKind, type PmemKindHandle } from './pmem-kind';

const KEY = '@vmem-ts/vmem-api kind ';

const all = new Set<unknown>();

/** Runs no code of the value's. */
export const isStaticKind = (value: unknown): value is StaticKind => all.has(value);

/** A kind that has a name and is never destroyed. */
export class StaticKind {
  private pool: PmemKind | undefined;

  constructor(
    readonly name: string,
    readonly isAvailable = false,
  ) {
    all.add(this);
  }

  /**
   * What this thread has of it. It is shared by the thread that used it first and the workers that are started afterwards,
   * by it or by them.
   *
   * @throws VmemError ENOTSUP: not available; ENOMEM, EAGAIN as for `PmemKind.create` and `attach`
   */
  open(): PmemKind {
    if (this.pool?.isOpen === true) return this.pool;
    if (!this.isAvailable) throw new VmemError('ENOTSUP', `${this.name} is not available`);
    this.pool = this.inherited() ?? this.make();
    return this.pool;
  }

  /** The same, if it has been used. */
  get opened(): PmemKind | undefined {
    return this.pool?.isOpen === true ? this.pool : this.inherited();
  }

  private make(): PmemKind {
    const made = makeAnonymousKind();
    setEnvironmentData(KEY + this.name, made.handle);
    return made;
  }

  private inherited(): PmemKind | undefined {
    const handle = getEnvironmentData(KEY + this.name) as PmemKindHandle | undefined;
    if (handle === undefined) return undefined;
    try {
      this.pool = PmemKind.attach(handle);
      return this.pool;
    } catch (error) {
      if (error instanceof VmemError && error.code === 'ECLOSED') return undefined;
      throw error;
    }
  }
}

/** Memory of the process. memkind(3) */
export const MEMKIND_DEFAULT = new StaticKind('MEMKIND_DEFAULT', true);
/** The same, apart from MEMKIND_DEFAULT. memkind(3) */
export const MEMKIND_REGULAR = new StaticKind('MEMKIND_REGULAR', true);

export const MEMKIND_HUGETLB = new StaticKind('MEMKIND_HUGETLB');
export const MEMKIND_INTERLEAVE = new StaticKind('MEMKIND_INTERLEAVE');
export const MEMKIND_HBW = new StaticKind('MEMKIND_HBW');
export const MEMKIND_HBW_ALL = new StaticKind('MEMKIND_HBW_ALL');
export const MEMKIND_HBW_PREFERRED = new StaticKind('MEMKIND_HBW_PREFERRED');
export const MEMKIND_HBW_HUGETLB = new StaticKind('MEMKIND_HBW_HUGETLB');
export const MEMKIND_HBW_ALL_HUGETLB = new StaticKind('MEMKIND_HBW_ALL_HUGETLB');
export const MEMKIND_HBW_PREFERRED_HUGETLB = new StaticKind('MEMKIND_HBW_PREFERRED_HUGETLB');
export const MEMKIND_HBW_INTERLEAVE = new StaticKind('MEMKIND_HBW_INTERLEAVE');
export const MEMKIND_DAX_KMEM = new StaticKind('MEMKIND_DAX_KMEM');
export const MEMKIND_DAX_KMEM_ALL = new StaticKind('MEMKIND_DAX_KMEM_ALL');
export const MEMKIND_DAX_KMEM_PREFERRED = new StaticKind('MEMKIND_DAX_KMEM_PREFERRED');
export const MEMKIND_DAX_KMEM_INTERLEAVE = new StaticKind('MEMKIND_DAX_KMEM_INTERLEAVE');
export const MEMKIND_HIGHEST_CAPACITY = new StaticKind('MEMKIND_HIGHEST_CAPACITY');
export const MEMKIND_HIGHEST_CAPACITY_PREFERRED = new StaticKind('MEMKIND_HIGHEST_CAPACITY_PREFERRED');
export const MEMKIND_HIGHEST_CAPACITY_LOCAL = new StaticKind('MEMKIND_HIGHEST_CAPACITY_LOCAL');
export const MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED = new StaticKind(
  'MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED',
);
export const MEMKIND_LOWEST_LATENCY_LOCAL = new StaticKind('MEMKIND_LOWEST_LATENCY_LOCAL');
export const MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED = new StaticKind(
  'MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED',
);
export const MEMKIND_HIGHEST_BANDWIDTH_LOCAL = new StaticKind('MEMKIND_HIGHEST_BANDWIDTH_LOCAL');
export const MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED = new StaticKind(
  'MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED',
);

/** Those that have a pool of this thread's. */
export function openStaticKinds(): StaticKind[] {
  return [MEMKIND_DEFAULT, MEMKIND_REGULAR].filter((kind) => kind.opened !== undefined);
}
