// The parts of a heap as one attached thread holds them; `core.ts` makes them and wires them together.

import type { SlotIndex } from '../base/units';
import type { ExtentAllocator } from '../extent/extent-allocator';
import type { LargeBlocks } from '../extent/large-blocks';
import type { PageBacking } from '../extent/page-backing';
import type { Region, RegionGeometry } from '../layout/region';
import type { ThreadCacheLayout } from '../layout/thread-cache-layout';
import type { Bins } from '../slab/bins';
import type { FastSections } from '../sync/fast-sections';
import type { OwnedLocks } from '../sync/lock';
import type { Leftovers } from './leftovers';
import type { ThreadSlots } from './thread-slots';

export interface HeapParts {
  readonly region: Region;
  /** As it was when this thread attached. */
  readonly geometry: RegionGeometry;
  readonly slots: ThreadSlots;
  /** This thread's. */
  readonly slot: SlotIndex;
  /** This thread's name in locks. */
  readonly token: number;
  readonly locks: OwnedLocks;
  /** Words of all locks, in the order in which threads take them. */
  readonly lockOrder: readonly number[];
  readonly leftovers: Leftovers;
  readonly sections: FastSections;
  readonly extents: ExtentAllocator;
  readonly backing: PageBacking;
  readonly large: LargeBlocks;
  readonly bins: Bins;
  readonly cacheLayout: ThreadCacheLayout;
}
