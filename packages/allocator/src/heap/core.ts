// Makes the parts of a heap for one attached thread and wires them together.

import { ExtentAllocator } from '../extent/extent-allocator';
import { LargeBlocks } from '../extent/large-blocks';
import { PageBacking } from '../extent/page-backing';
import type { PageSource } from '../extent/page-source';
import type { SlotIndex } from '../base/units';
import type { Region, RegionGeometry } from '../layout/region';
import { ThreadCacheLayout } from '../layout/thread-cache-layout';
import { Bins } from '../slab/bins';
import { CLASS_SIZE } from '../slab/size-classes';
import { StateStore } from '../slab/state-store';
import { FastSections } from '../sync/fast-sections';
import { OwnedLocks } from '../sync/lock';
import { Leftovers } from './leftovers';
import { locksInOrder } from './lock-order';
import type { HeapParts } from './parts';
import { Recovery } from './recovery';
import type { SlotClaim, ThreadSlots } from './thread-slots';

export class HeapCore implements HeapParts {
  readonly slot: SlotIndex;
  readonly token: number;
  readonly locks: OwnedLocks;
  readonly lockOrder: readonly number[];
  readonly leftovers: Leftovers;
  readonly sections: FastSections;
  readonly extents: ExtentAllocator;
  readonly backing: PageBacking;
  readonly large: LargeBlocks;
  readonly bins: Bins;
  readonly cacheLayout: ThreadCacheLayout;
  readonly recovery: Recovery;

  constructor(
    readonly region: Region,
    readonly geometry: RegionGeometry,
    readonly slots: ThreadSlots,
    claim: SlotClaim,
    source?: PageSource,
  ) {
    const { slot, token } = claim;
    this.slot = slot;
    this.token = token;
    this.locks = new OwnedLocks(
      region.i32,
      token,
      (owner, inquire) => slots.isGone(owner, inquire),
      (at) => {
        this.recovery.repair(at);
      },
      {
        beforeSleep: (at) => this.leftovers.dropBehind(at),
        isLong: (owner) => slots.remind(owner),
      },
    );
    this.lockOrder = locksInOrder(slots.count);
    this.leftovers = new Leftovers(region.i32, token, slot, this.lockOrder);
    const { host } = slots;
    const barrier = host?.barrier === undefined ? undefined : (): boolean => host.barrier!();
    this.sections = new FastSections(region.i32, slots, slot, barrier);
    this.extents = new ExtentAllocator(region, this.locks);
    this.backing = new PageBacking(region, this.locks, this.extents, source);
    this.large = new LargeBlocks(region, this.locks, this.extents);
    const states = new StateStore(region, this.extents);
    this.bins = new Bins(region, this.locks, this.extents, states, this.sections);
    this.cacheLayout = ThreadCacheLayout.of(CLASS_SIZE, geometry.cacheBytes);
    this.recovery = new Recovery(this);
  }
}
