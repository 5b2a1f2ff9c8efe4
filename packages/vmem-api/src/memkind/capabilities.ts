// Kinds by what their memory is to be like. memkind(3), KIND MANAGEMENT

import { VmemError } from '@vmem-ts/allocator';
import {
  MEMKIND_ERROR_INVALID,
  MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE,
  MEMKIND_MASK_PAGE_SIZE_2MB,
  MEMKIND_MEMTYPE_DEFAULT,
  MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
  MEMKIND_POLICY_BIND_ALL,
  MEMKIND_POLICY_BIND_LOCAL,
  MEMKIND_POLICY_INTERLEAVE_ALL,
  MEMKIND_POLICY_PREFERRED_LOCAL,
} from './codes';
import { attempt } from './failures';
import type { memkind_t } from './handles';
import { requireOut, setOut, type Out } from '../c/out';
import {
  MEMKIND_DEFAULT,
  MEMKIND_HBW,
  MEMKIND_HBW_ALL,
  MEMKIND_HBW_ALL_HUGETLB,
  MEMKIND_HBW_HUGETLB,
  MEMKIND_HBW_INTERLEAVE,
  MEMKIND_HBW_PREFERRED,
  MEMKIND_HBW_PREFERRED_HUGETLB,
  MEMKIND_HUGETLB,
  MEMKIND_INTERLEAVE,
  type StaticKind,
} from './static-kinds';

const HIGH_BANDWIDTH = MEMKIND_MEMTYPE_HIGH_BANDWIDTH;
const ANY_RAM = MEMKIND_MEMTYPE_DEFAULT | HIGH_BANDWIDTH;
const HUGE = MEMKIND_MASK_PAGE_SIZE_2MB;

/** All that can be asked for. */
const KINDS: readonly (readonly [memtype: number, policy: number, flags: number, kind: StaticKind])[] = [
  [MEMKIND_MEMTYPE_DEFAULT, MEMKIND_POLICY_PREFERRED_LOCAL, 0, MEMKIND_DEFAULT],
  [MEMKIND_MEMTYPE_DEFAULT, MEMKIND_POLICY_PREFERRED_LOCAL, HUGE, MEMKIND_HUGETLB],
  [HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_LOCAL, 0, MEMKIND_HBW],
  [HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_LOCAL, HUGE, MEMKIND_HBW_HUGETLB],
  [HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_ALL, 0, MEMKIND_HBW_ALL],
  [HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_ALL, HUGE, MEMKIND_HBW_ALL_HUGETLB],
  [HIGH_BANDWIDTH, MEMKIND_POLICY_PREFERRED_LOCAL, 0, MEMKIND_HBW_PREFERRED],
  [HIGH_BANDWIDTH, MEMKIND_POLICY_PREFERRED_LOCAL, HUGE, MEMKIND_HBW_PREFERRED_HUGETLB],
  [HIGH_BANDWIDTH, MEMKIND_POLICY_INTERLEAVE_ALL, 0, MEMKIND_HBW_INTERLEAVE],
  [ANY_RAM, MEMKIND_POLICY_INTERLEAVE_ALL, 0, MEMKIND_INTERLEAVE],
];

/**
 * The constant of the kind with these capabilities; MEMKIND_DEFAULT where it is not available and only preferred.
 *
 * MEMKIND_ERROR_INVALID: nothing is like that; MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE. `memkind_destroy_kind` of the result does
 * nothing. memkind_create_kind(3)
 */
export function memkind_create_kind(
  memtype_flags: number,
  policy: number,
  flags: number,
  kind: Out<memkind_t | null>,
): number {
  let isKnown = false;
  return attempt(
    () => {
      requireOut(kind, 'kind');
      const found = KINDS.find(
        (row) => row[0] === memtype_flags && row[1] === policy && row[2] === flags,
      )?.[3];
      if (found === undefined) throw new VmemError('EINVAL', 'no kind has these capabilities');
      if (found.isAvailable || policy === MEMKIND_POLICY_PREFERRED_LOCAL) {
        setOut(kind, found.isAvailable ? found : MEMKIND_DEFAULT, 'kind');
        return;
      }
      isKnown = true;
      throw new VmemError('ENOTSUP', `${found.name} is not available`);
    },
    () => (isKnown ? MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE : MEMKIND_ERROR_INVALID),
  );
}
