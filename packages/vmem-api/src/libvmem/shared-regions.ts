// Pools that this thread has made in the same memory of the caller's, one over the other: C's vmem_check tells of them.

import type { Vmem } from '../vmem';

/** By the buffer that they are in. What the caller has dropped must be collected nonetheless. */
const poolsIn = new WeakMap<object, Set<WeakRef<Vmem>>>();

export function rememberRegion(pool: Vmem): void {
  const { buffer } = pool;
  let pools = poolsIn.get(buffer);
  if (pools === undefined) poolsIn.set(buffer, (pools = new Set()));
  for (const ref of pools) if (!isUsed(ref.deref())) pools.delete(ref);
  pools.add(new WeakRef(pool));
}

/** The other pools in use whose memory is the pool's, too. */
export function sharersOf(pool: Vmem): Vmem[] {
  const others = [...(poolsIn.get(pool.buffer) ?? [])].map((ref) => ref.deref());
  return others.filter((other): other is Vmem => other !== pool && isUsed(other) && overlap(pool, other));
}

const overlap = (a: Vmem, b: Vmem): boolean =>
  a.byteOffset < b.byteOffset + b.size && b.byteOffset < a.byteOffset + a.size;

/** False for one that was deleted, or that another one has written over. */
function isUsed(pool: Vmem | undefined): pool is Vmem {
  try {
    return pool !== undefined && !pool.contains(0);
  } catch {
    return false;
  }
}
