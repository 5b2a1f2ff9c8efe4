// A heap at rest: all its locks are taken and no fast section is under way, so its memory is that of a heap between two calls,
// and nobody changes which pages have storage. For whoever copies the memory, or has it mapped otherwise.
//
// The copy of a heap at rest is a heap, too, for another process to adopt. Its locks are taken by a thread of the process that
// it was copied in, and its slots belong to such threads; numbers of threads mean others there. So whoever adopts it forgets
// all of them: every thread is dead, and no lock is taken. Nothing that locks protect was half done.

import { PAGE_SIZE } from '../base/units';
import type { PageRange } from '../extent/extent-allocator';
import { storedPages } from '../extent/stored-pages';
import type { Region } from '../layout/region';
import { Backing, PAGE_MAP, Slot, SlotOwner, slotAt } from '../layout/region-layout';
import { underEveryLock } from './every-lock';
import { locksInOrder } from './lock-order';
import type { HeapParts } from './parts';
import { atStandstill } from './standstill';

/** Bytes from a region's start, in whole pages. */
export interface StoredRange {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/**
 * `own`: the source gives storage and takes it. `frozen`: it stays as it is, because another process uses it; pages without
 * storage are used like others, and none lose theirs. `thawed`: it was frozen, and is as `own` says. `borrowed`: it is that
 * of another process' heap, and stays as it is for ever.
 */
export type StorageState = 'own' | 'frozen' | 'thawed' | 'borrowed';

/** By their number in the region: `Storage`. */
const STATES: readonly StorageState[] = ['own', 'frozen', 'thawed', 'borrowed'];

/** What may be asked of a heap, and done to it, while it rests. */
export interface RestingHeap {
  /** Whether the source may be asked for storage from now on. */
  storage: StorageState;
  /**
   * What threads write to without a lock, at rest too: those that come, go, wait or die. It is the first range of `stored`,
   * and a copy of it that is made meanwhile is a good one for `adopt`.
   */
  readonly head: StoredRange;
  /** What has storage. */
  stored(): StoredRange[];
  /** The same without what holds nothing: free pages. */
  used(): StoredRange[];
}

/** Runs `action` while the heap rests. The caller holds no lock. */
export function whileResting<T>(core: HeapParts, action: (heap: RestingHeap) => T): T {
  let outcome: (() => T) | undefined;
  // what `action` throws is no reason to abandon the locks, so it does not leave them
  const act = (): void => {
    try {
      const result = action(restingHeap(core.region));
      outcome = () => result;
    } catch (error) {
      outcome = () => {
        throw error;
      };
    }
  };
  core.backing.atRest(() => {
    atStandstill(core, () => {
      underEveryLock(core, act);
    });
  });
  return outcome!();
}

function restingHeap(region: Region): RestingHeap {
  const { i32 } = region;
  return {
    get storage(): StorageState {
      return STATES[i32[Backing.storage]] ?? 'frozen';
    },
    set storage(state) {
      i32[Backing.storage] = STATES.indexOf(state);
    },
    head: inBytes({ from: 0, to: PAGE_MAP }),
    stored: () => Array.from(storedPages(region), inBytes),
    used: () => Array.from(storedPages(region, true), inBytes),
  };
}

/** The same of a copy, range by range, each to be mapped before the next one is asked for. */
export function* storedRanges(region: Region): Generator<StoredRange, undefined, undefined> {
  for (const range of storedPages(region)) yield inBytes(range);
}

const inBytes = ({ from, to }: PageRange): StoredRange => ({
  byteOffset: from * PAGE_SIZE,
  byteLength: (to - from) * PAGE_SIZE,
});

/** Makes a copy of a heap at rest one that no thread is attached to. Nobody else has it yet. */
export function disown({ i32 }: Region, slots: number, storage: StorageState): void {
  for (const lock of locksInOrder(slots)) i32[lock] = i32[lock + 1] = 0;
  for (let slot = 0; slot < slots; slot++) {
    const at = slotAt(slot) + Slot.owner;
    if (i32[at] !== SlotOwner.nobody) i32[at] = SlotOwner.dead;
  }
  i32[Backing.storage] = STATES.indexOf(storage);
}
