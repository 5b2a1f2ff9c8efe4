// What a memkind_t is, and which kind a call is for.

import { VmemError, describe } from '@vmem-ts/allocator';
import { PmemKind, isPmemKind, kinds } from './pmem-kind';
import { isStaticKind, openStaticKinds, type StaticKind } from './static-kinds';

/** A kind of memory: one that was made, or one of those that are there without it. */
export type memkind_t = PmemKind | StaticKind;

/**
 * The kind behind a handle.
 * @throws VmemError EINVAL if it is none; as `StaticKind.open`
 */
export function requireKind(kind: memkind_t | null): PmemKind {
  if (isPmemKind(kind)) return kind;
  if (isStaticKind(kind)) return kind.open();
  throw new VmemError('EINVAL', `kind: expected a memkind_t, got ${describe(kind)}`);
}

/**
 * The kind of a call that takes NULL for one: that in whose range the pointer lies.
 * @throws VmemError EBADPTR if it lies in none
 */
export function kindFor(kind: memkind_t | null, ptr: number): PmemKind {
  if (kind !== null) return requireKind(kind);
  const found = typeof ptr === 'number' ? kindAt(ptr) : undefined;
  if (found !== undefined) return found;
  throw new VmemError(
    'EBADPTR',
    `pointer ${describe(ptr)} is of no kind that this thread has made or attached to`,
  );
}

function kindAt(ptr: number): PmemKind | undefined {
  const found = kinds.of(ptr);
  if (found !== undefined) return found;
  openStaticKinds(); // attaches to those that come from the thread's parents
  return kinds.of(ptr);
}

/** Kind that the live block at `ptr` is of; NULL for 0 and for what is no such block. memkind_detect_kind(3) */
export function memkind_detect_kind(ptr: number): memkind_t | null {
  if (typeof ptr !== 'number' || kindAt(ptr) === undefined) return null;
  const found = PmemKind.detect(ptr);
  if (found === undefined) return null;
  return openStaticKinds().find((kind) => kind.opened === found) ?? found;
}
