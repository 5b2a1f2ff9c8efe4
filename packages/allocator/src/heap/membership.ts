// How a heap comes to be in a region, and how a thread becomes a member of it: a slot, a cache, and a note for
// the case that it dies.

import { VmemError } from '../base/errors';
import { readingFrom } from '../base/reading';
import type { PageSource } from '../extent/page-source';
import { NULL_PAGE, asSlot, pagesFor } from '../base/units';
import { MAX_SLOTS } from '../layout/block-state';
import { MIN_REGION, type Region, type RegionGeometry } from '../layout/region';
import { Slot, SlotOwner } from '../layout/region-layout';
import { CLASS_COUNT } from '../slab/size-classes';
import { usagePolicy, wholeOption } from './arguments';
import { takeCachePages } from './cache-pages';
import { HeapCore } from './core';
import { reclaim } from './reclaim';
import type { HeapOptions } from './heap-options';
import type { ThreadHost, ThreadWatch } from './thread-host';
import { newId } from './heap-id';
import { ThreadCache } from './thread-cache';
import { ThreadSlots } from './thread-slots';

/** Others may take what a heap has grown by: a thread gives up when that has happened so often in a row. */
export const MOST_TRIES = 100;

/** What a thread brings along. */
export interface Surroundings {
  readonly host: ThreadHost | undefined;
  readonly source: PageSource | undefined;
}

/** What one thread has of a heap. */
export interface Membership {
  readonly region: Region;
  readonly core: HeapCore;
  readonly cache: ThreadCache;
  readonly deathWatch: ThreadWatch | undefined;
}

/** Writes an empty heap into the region. */
export function makeHeap(
  region: Region,
  options: HeapOptions,
  source: PageSource | undefined,
): RegionGeometry {
  const { threads, cacheBytes, zeroed, size, policy } = readingFrom('options', () => {
    const { threads, cacheBytes, zeroed, size, policy } = options;
    return { threads, cacheBytes, zeroed, size, policy };
  });
  const usage = usagePolicy(policy);
  const geometry: RegionGeometry = {
    classCount: CLASS_COUNT,
    cacheBytes: wholeOption('cacheBytes', cacheBytes, defaultCacheBytes(region.size), 64, 1 << 20),
    slots: wholeOption('threads', threads, MAX_SLOTS, 1, MAX_SLOTS),
  };
  const pages = pagesFor(wholeOption('size', size, region.size, MIN_REGION, region.size));
  if (pages < region.pages && source === undefined) {
    throw new VmemError('EINVAL', 'size: a heap that is smaller than its region needs a source');
  }
  // before the first thread can attach, so this core has no slot and needs no lock
  const slots = new ThreadSlots(region, geometry.slots, undefined);
  const core = new HeapCore(region, geometry, slots, { slot: asSlot(0), token: 0 }, source);
  if (pages === region.pages && zeroed !== true) region.wipe();
  const dataPages = core.backing.begin(pages, usage);
  region.writeIdentity(geometry, newId());
  core.extents.format(dataPages, zeroed === true || pages < region.pages);
  region.open();
  return geometry;
}

/**
 * Makes the calling thread a member of the region's heap, and of that whatever `make` makes.
 * @throws VmemError EAGAIN, ENOMEM
 */
export function enterHeap<T>(
  region: Region,
  geometry: RegionGeometry,
  { host, source }: Surroundings,
  make: (membership: Membership) => T,
): T {
  const slots = new ThreadSlots(region, geometry.slots, host);
  let deathWatch: Membership['deathWatch'];
  try {
    const claim = slots.claim();
    if (claim === undefined) {
      throw new VmemError('EAGAIN', `all ${geometry.slots} threads that the heap was made for are attached`);
    }
    const core = new HeapCore(region, geometry, slots, claim, source);
    deathWatch = slots.watch(claim.slot);
    if (claim.isLeft === true) core.recovery.clear(claim.slot);
    core.recovery.reapDead();
    return make({ region, core, cache: createCache(core), deathWatch });
  } catch (error) {
    deathWatch?.cancel(); // if that fails, too, the slot remains ours: its death note will still be carried out
    // no call, the stack may be full; whoever has the slot next clears what is left in it
    if (slots.claimed >= 0) region.i32[Slot.start + slots.claimed * Slot.words + Slot.owner] = SlotOwner.dead;
    throw region.isOpen ? error : new VmemError('ECLOSED', 'the heap was deleted');
  }
}

function createCache(core: HeapCore): ThreadCache {
  const { pages } = core.cacheLayout;
  let taken = takeCache(core) || (reclaim(core) && takeCache(core));
  for (let tries = 0; !taken && tries < MOST_TRIES && core.backing.grow(pages, 1, pages); tries++)
    taken = takeCache(core);
  if (taken) return ThreadCache.of(core, core.slot)!;
  throw new VmemError('ENOMEM', `no ${pages} free pages for this thread's cache: the heap is full`);
}

function takeCache(core: HeapCore): boolean {
  return core.extents.locked(() => takeCachePages(core)) !== NULL_PAGE;
}

const defaultCacheBytes = (size: number): number => Math.min(65536, Math.max(4096, Math.floor(size / 1024)));
