// Every word of a region that describes the heap, by the structure that it belongs to, and which changes of it do no
// harm.

import { pageAfter, pageToWord, type PageIndex } from '#src/base/units';
import { FREE, cachedBy, isLive, slotOfState } from '#src/layout/block-state';
import { PageKind, PageRecord, SlabWord } from '#src/layout/page-map';
import {
  Backing,
  Bin,
  Busy,
  Calls,
  Extents,
  FreeIndex,
  Identity,
  Slot,
  Storage,
  UsagePolicy,
  binAt,
  slotAt,
  tokenOf,
  isPlausibleMap,
} from '#src/layout/region-layout';
import { ENTRY } from '#src/layout/thread-cache-layout';
import { CLASS_COUNT, SLAB_SHAPES } from '#src/slab/size-classes';
import type { InnerHeap } from '../support/inner-heap';
import { DEAD, THREADS } from './scene';

/** Why a change from `old` to `now` matters to nobody; undefined if it does. */
export type Harmless = (old: number, now: number) => string | undefined;

export interface Place {
  readonly structure: string;
  readonly field: string;
  /** Index in the region's 32-bit words. */
  readonly word: number;
  readonly harmless: Harmless;
}

const matters: Harmless = () => undefined;
const never =
  (why: string): Harmless =>
  () =>
    why;
const COUNTED = 'only counts what happened, for stats';
const HINT = 'a hint: any value is a right one';

export function placesOf(inner: InnerHeap): Place[] {
  const places: Place[] = [];
  const add = (structure: string, field: string, word: number, harmless = matters): void => {
    places.push({ structure, field, word, harmless });
  };
  const addRange = (structure: string, field: string, from: number, to: number): void => {
    for (let word = from; word < to; word++) add(structure, field, word);
  };
  addRange('null page', 'zeros', 0, 1024);
  addRange('identity', 'words', Identity.start, Identity.end);
  addTables(inner, add, addRange);
  addSlots(inner, add);
  for (const { page, kind, length } of inner.extents()) addExtent(inner, page, kind, length, add);
  for (const slot of [0, 1, 2, DEAD]) addCache(inner, slot, add);
  return places;
}

type Add = (structure: string, field: string, word: number, harmless?: Harmless) => void;
type AddRange = (structure: string, field: string, from: number, to: number) => void;

function addTables(inner: InnerHeap, add: Add, addRange: AddRange): void {
  const { i32 } = inner;
  const addLock = (name: string, at: number): void => {
    add('locks', name, at);
    add('hints', 'whether a lock is slept for', at + 1, never(HINT));
  };
  add('hints', 'deaths', Calls.deaths, never(HINT));
  addLock('standstill', Calls.standstill);
  addLock('backing', Backing.lock);
  addLock('extents', Extents.lock);
  const { firstDataPage, pages } = inner.region;
  add('backing', 'page', Backing.page, (_, now) =>
    now >= firstDataPage && i32[Backing.pages] > 0 && now + i32[Backing.pages] <= pages
      ? 'a range that was written down and is not under way is looked at, no more'
      : undefined,
  );
  add('backing', 'pages', Backing.pages, never('no range is written down'));
  add('backing', 'mapped', Backing.mapped, (old, now) =>
    now < old && isPlausibleMap(now, pages) ? 'what has storage is asked for it again' : undefined,
  );
  add('backing', 'skipped', Backing.skipped);
  add('backing', 'policy', Backing.policy, (_, now) =>
    now === UsagePolicy.keep || now === UsagePolicy.conservative ? HINT : undefined,
  );
  add('backing', 'storage', Backing.storage, (_, now) =>
    now >= Storage.own && now <= Storage.borrowed ? HINT : undefined,
  );
  addRange('extent counters', 'counters', Extents.counters, Extents.unbacked);
  addRange('list heads', 'unbacked, across', Extents.unbacked, Extents.acrossOwn + 1);
  for (const index of [Extents.low, Extents.own, Extents.high]) {
    add('free index', 'summary', index + FreeIndex.summary);
    addRange(
      'free index',
      'bitmap',
      index + FreeIndex.bitmap,
      index + FreeIndex.bitmap + FreeIndex.lists / 32,
    );
    addRange('free index', 'heads', index + FreeIndex.heads, index + FreeIndex.words);
  }
  addRange('list heads', 'state pages', Extents.statePageHeads, Extents.end);
  for (let i = 0; i < CLASS_COUNT; i++) {
    const bin = binAt(i);
    addLock('bin', bin + Bin.lock);
    for (const [name, field] of Object.entries({ slabs: Bin.slabs, emptySlabs: Bin.emptySlabs }))
      add('list heads', name, bin + field);
    for (const [name, field] of Object.entries({
      slabCount: Bin.slabCount,
      freeBlocks: Bin.freeBlocks,
      emptyCount: Bin.emptyCount,
    })) {
      add('bins', name, bin + field);
    }
    for (let field = Bin.refills as number; field <= (Bin.slabsReleased as number); field++)
      add('hints', 'statistics', bin + field, never(COUNTED));
    for (let field = Bin.refillsHigh as number; field <= (Bin.slabsReleasedHigh as number); field++)
      add('hints', 'statistics', bin + field, never(COUNTED));
    add('hints', 'sharing score', bin + Bin.sharingScore, never(HINT));
  }
}

function addSlots(inner: InnerHeap, add: Add): void {
  for (let slot = 0; slot < THREADS; slot++) {
    const at = slotAt(slot);
    add('locks', 'gate', at + Slot.gate);
    add('hints', 'whether a lock is slept for', at + Slot.gate + 1, never(HINT));
    const lives = inner.i32[at + Slot.owner] > 0;
    const idle = lives ? matters : never('nobody has the slot, and who takes it writes this');
    add('slots', 'cache page', at + Slot.cachePage);
    add('slots', 'busy', at + Slot.busy, (old, now) =>
      now === Busy.inside || now === Busy.clearing
        ? 'a thread at work, by all that is known: who needs it waits'
        : idle(old, now),
    );
    const whose = slot === 0 ? 'who has the own slot' : 'who has another slot';
    add(whose, 'owner', at + Slot.owner);
    for (const field of [Slot.startTimeLow, Slot.startTimeHigh, Slot.startTimeOf])
      add(whose, 'start time', at + field, idle);
    add(whose, 'generation', at + Slot.generation, (old, now) =>
      tokenOf(slot, old) === tokenOf(slot, now) ? 'locks know the lower 22 bits' : idle(old, now),
    );
  }
}

function addExtent(inner: InnerHeap, first: PageIndex, kind: PageKind, length: number, add: Add): void {
  const { i32, pageMap } = inner;
  const isUnbacked = kind === PageKind.unbacked;
  const records = isUnbacked ? Math.min(length, i32[Backing.mapped] - first) : length;
  const word = (page: number, field: PageRecord): number => inner.recordWord(page, field);
  for (let i = 0; i < records; i++) {
    const page = pageAfter(first, i);
    add(i === 0 ? 'first tags' : 'inner tags', 'tag', word(page, PageRecord.tag));
    if (kind === PageKind.slab) {
      add('slab pages', 'class', word(page, PageRecord.division), (old, now) =>
        length === 1 && now === (old ^ SlabWord.notExclusive)
          ? 'a slab may be shared without a need, or not while nobody frees'
          : undefined,
      );
      add('slab pages', 'state line', word(page, PageRecord.stateLine));
    } else if (kind !== PageKind.states) {
      add('other pages', 'class', word(page, PageRecord.division));
    }
  }
  const addLinks = (structure: string, page = first): void => {
    add(structure, 'next', word(page, PageRecord.next));
    add(structure, 'previous', word(page, PageRecord.previous));
  };
  switch (kind) {
    case PageKind.free:
      addLinks('free extents');
      add('free extents', 'zero from', word(first, PageRecord.zeroFrom), (old, now) =>
        old !== 0 && now >= old && now < pageMap.zeroTo(first)
          ? 'less pages are known to be zero'
          : undefined,
      );
      add('free extents', 'zero to', word(first, PageRecord.zeroTo), (old, now) =>
        now <= old && now > pageMap.zeroFrom(first) ? 'less pages are known to be zero' : undefined,
      );
      return;
    case PageKind.unbacked:
      addLinks('unbacked extents');
      return;
    case PageKind.slab:
      addSlab(inner, first, add);
      if (pageMap.freeBlocks(first) > 0) addLinks('slabs');
      return;
    case PageKind.states:
      for (let i = 0; i < length; i++) {
        const page = pageAfter(first, i);
        add('state pages', 'lines of a run', word(page, PageRecord.division));
        add('state pages', 'free runs', word(page, PageRecord.freeRunsLow));
        add('state pages', 'free runs', word(page, PageRecord.freeRunsHigh));
        if (pageMap.freeRunsLow(page) !== 0 || pageMap.freeRunsHigh(page) !== 0)
          addLinks('state pages', page);
      }
      for (let i = 0; i < 16; i++) add('redzones', 'of states', pageToWord(first) + i);
      return;
    case PageKind.cache:
      add('caches', 'slot', word(first, PageRecord.cacheSlot));
      return;
    default:
  }
}

function addSlab(inner: InnerHeap, slab: PageIndex, add: Add): void {
  const { u8, pageMap } = inner;
  const { blocks, lines } = SLAB_SHAPES[pageMap.sizeClass(slab)];
  const states = pageMap.stateLine(slab) * 64;
  let lowest = 0;
  while (lowest < blocks && u8[states + lowest] !== FREE) lowest++;
  add('slabs', 'counts', inner.recordWord(slab, PageRecord.counts), (old, now) =>
    (now & 0xffff) === (old & 0xffff) && now >>> 16 <= lowest ? 'the search begins earlier' : undefined,
  );
  for (let i = 0; i < lines * 16; i++) {
    add('block states', 'states', states / 4 + i, (old, now) => {
      for (let shift = 0; shift < 32; shift += 8) {
        const [before, after] = [(old >>> shift) & 255, (now >>> shift) & 255];
        if (before === after) continue;
        if (!isLive(after) || slotOfState(after) >= THREADS) return undefined;
        if (!isLive(before) && before !== cachedBy(DEAD)) return undefined;
      }
      return 'a live block is live, whoever took it; and a thread may have died when it had just taken one';
    });
  }
}

function addCache(inner: InnerHeap, slot: number, add: Add): void {
  const { i32, cacheLayout } = inner;
  const { tops, stack, capacity, noStack, firstRun, runPages } = cacheLayout;
  const start = pageToWord(inner.cachePage(slot));
  const isDead = slot === DEAD;
  for (let i = 0; i < 16; i++) add('redzones', 'of a cache', start + i);
  add(
    'cache tops',
    'pages in runs',
    start + runPages,
    isDead ? never('counted anew when the dead thread is reaped') : matters,
  );
  for (const i of [1, 2]) add('cache tops', 'sentinel', start + noStack - i);
  for (let i = 0; i < capacity.length; i++) {
    const top = start + tops + 2 * i;
    const bottom = start + stack[i];
    add('cache tops', 'top', top, isDead ? never('found anew when the dead thread is reaped') : matters);
    add(
      'cache tops',
      'end',
      top + 1,
      isDead ? never('written anew when the dead thread is reaped') : matters,
    );
    if (i32[top + 1] === start + noStack) continue;
    for (const k of [1, 2]) add('cache tops', 'sentinel', bottom - k);
    for (let entry = bottom; entry < i32[top]; entry += ENTRY) {
      const [granule, state] = [i32[entry], i32[entry + 1]];
      const isTwice = (): boolean => {
        for (let other = bottom; other < bottom + ENTRY * capacity[i]; other += ENTRY)
          if (other !== entry && i32[other] === granule && i32[other + 1] === state) return true;
        return false;
      };
      const harmless: Harmless = () =>
        isDead && isTwice()
          ? 'in the stack of a dead thread all entries count, and another one says the same'
          : undefined;
      add('cache entries', 'granule', entry, harmless);
      if (i < firstRun) add('cache entries', 'state index', entry + 1, harmless);
    }
  }
}
