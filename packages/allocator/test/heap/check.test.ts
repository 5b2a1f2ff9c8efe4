// For every numbered invariant: damage that breaks it, planted in a heap with content, is found and named.

import { Heap } from '@vmem-ts/allocator';
import { asPage, pageAfter, type PageIndex } from '#src/base/units';
import { ExtentAllocator } from '#src/extent/extent-allocator';
import { listOfLength } from '#src/extent/extent-index';
import { LOW_PAGES } from '#src/extent/free-extents';
import { HeapCopy } from '#src/heap/check/heap-copy';
import { Recovery } from '#src/heap/recovery';
import { FREE, MAX_SLOTS, cachedBy, liveIn } from '#src/layout/block-state';
import { PageKind, PageRecord, Sharing, SlabWord, cachedRunTag } from '#src/layout/page-map';
import {
  Backing,
  Bin,
  Calls,
  Extents,
  FreeIndex,
  Identity,
  Slot,
  SlotOwner,
  binAt,
  slotAt,
  tokenOf,
} from '#src/layout/region-layout';
import { ENTRY, LONGEST_RUN, SHORTEST_RUN } from '#src/layout/thread-cache-layout';
import { ABANDONED, OwnedLocks } from '#src/sync/lock';
import { CLASS_SIZE, SLAB_SHAPES } from '#src/slab/size-classes';
import { MAX_STATE_PAGES, allFree, runsOfPage } from '#src/slab/state-extent';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { randomFor } from '../support/random';
import { Storage } from '../support/storage';

const SMALL = CLASS_SIZE.indexOf(24);
/** A class whose slabs have several pages. */
const WIDE = SLAB_SHAPES.findIndex(({ pages, blocks }) => pages >= 4 && blocks <= 20);
const RUN = 6;
const OTHER_RUN = 10;
const THREADS = 4;
/** Slot without a thread. */
const EMPTY_SLOT = 3;

/** One of each kind, and the first of each where there are many. */
const LOCKS = [
  Calls.standstill,
  Backing.lock,
  slotAt(0) + Slot.gate,
  slotAt(1) + Slot.gate,
  slotAt(EMPTY_SLOT) + Slot.gate,
  binAt(0) + Bin.lock,
  binAt(SMALL) + Bin.lock,
  Extents.lock,
];

interface Loaded {
  readonly heap: Heap;
  readonly inner: InnerHeap;
  /** Live blocks of class SMALL. */
  readonly small: readonly number[];
  /** A live block of a slab that several threads free blocks of. */
  readonly shared: number;
  /** A live block of 15 pages between free ones and a run in a cache. */
  readonly large: number;
  /** The younger of two runs of RUN pages in the cache of slot 0; that of slot 1 has one of OTHER_RUN. */
  readonly run: number;
}

/**
 * A heap with slabs full, half empty and empty, exclusive and shared, large blocks, holes of several lengths and two
 * caches, with runs of pages in both.
 */
function loadedHeap(): Loaded {
  const threads = new FakeThreads();
  const heap = Heap.create(new SharedArrayBuffer(4 << 20), { threads: THREADS, host: threads.hostOf(11) });
  const other = Heap.attach(heap.handle, { host: threads.hostOf(22) });
  const sizes = [24, CLASS_SIZE[WIDE], 100, 5000, 4096];
  for (const size of sizes) other.free(other.malloc(size));
  const blocks = sizes.map((size) => Array.from({ length: 300 }, () => heap.malloc(size)));
  const pages = [RUN, 15, 35, 15, RUN, 15, 45].map((count) => heap.malloc(count * 4096));
  for (const list of blocks) for (const ptr of list.splice(100)) heap.free(ptr);
  for (const i of [6, 2, 0, 4]) heap.free(pages[i]);
  other.free(other.malloc(OTHER_RUN * 4096));
  other.free(blocks[2].pop()!);
  const inner = new InnerHeap(heap);
  return { heap, inner, small: blocks[0], shared: blocks[2].at(-1)!, large: pages[1], run: pages[4] };
}

/** The same with so many blocks of 16 bytes that an extent of states has several pages. */
function heapWithLongStates(): Loaded {
  const loaded = loadedHeap();
  expect(loaded.heap.mallocMany(16, 20_000, [])).toBe(20_000);
  return loaded;
}

function expectFound(
  invariant: string,
  damage: (loaded: Loaded) => void,
  loaded: Loaded = loadedHeap(),
): void {
  expect(loaded.heap.checkReport().problems).toEqual([]);
  damage(loaded);
  const report = loaded.heap.checkReport();
  expect({ result: report.result, named: namedIn(report) }).toEqual({
    result: 0,
    named: expect.arrayContaining([invariant]) as string[],
  });
  expect(report.problems.every(({ message }) => message.length > 10)).toBe(true);
  expect(loaded.heap.check()).toBe(0); // a check gives the same answer again, and hangs on no lock
}

const namedIn = ({ problems }: { problems: readonly { invariant: string }[] }): string[] => [
  ...new Set(problems.map(({ invariant }) => invariant)),
];

/** Pages of a free extent of several pages. */
const freeExtent = (inner: InnerHeap): PageIndex =>
  inner.extentOf(PageKind.free, ({ length }) => length > 3).page;
const pageOf = (ptr: number): PageIndex => asPage(Math.floor(ptr / 4096));
const freeListWord = (inner: InnerHeap, page: PageIndex): number =>
  Extents.low + FreeIndex.heads + listOfLength(inner.pageMap.length(page));

describe('the head', () => {
  test('[HEAD-1] a word on the null page', () => {
    expectFound('[HEAD-1]', ({ inner }) => (inner.i32[5] = 1));
    expectFound('[HEAD-1]', ({ inner }) => (inner.u8[4095] = 1));
  });

  test('[HEAD-2] a changed identity word', () => {
    for (const word of [
      Identity.magicHigh,
      Identity.version,
      Identity.pages,
      Identity.firstDataPage,
      Identity.granuleShift,
      Identity.classCount,
    ]) {
      expectFound('[HEAD-2]', ({ inner }) => inner.i32[word]++);
    }
  });

  test('[HEAD-2] a number of slots or a size of caches that is out of bounds, or was another', () => {
    for (const slots of [0, 255, THREADS + 1]) {
      expectFound('[HEAD-2]', ({ inner }) => (inner.i32[Identity.slots] = slots));
    }
    for (const bytes of [0, 2 ** 20 + 1, 8192]) {
      expectFound('[HEAD-2]', ({ inner }) => (inner.i32[Identity.cacheBytes] = bytes));
    }
  });

  test('[HEAD-2] a changed id', () => {
    expectFound('[HEAD-2]', ({ inner }) => (inner.i32[Identity.idLow] ^= 1));
    expectFound('[HEAD-2]', ({ inner }) => (inner.i32[Identity.idHigh] ^= 1));
  });

  test('[EXTENT-1] each counter that is off by one', () => {
    for (const word of [
      Extents.freePages,
      Extents.largeExtents,
      Extents.largePages,
      Extents.statePages,
      Extents.cachePages,
    ]) {
      expectFound('[EXTENT-1]', ({ inner }) => inner.i32[word]++);
      expectFound('[EXTENT-1]', ({ inner }) => inner.i32[word]--);
    }
  });
});

describe('the page map', () => {
  test('[PAGE-1] an extent that is too long, too short or not there', () => {
    for (const length of [0, 1, 14, 16, 2 ** 27]) {
      expectFound('[PAGE-1]', ({ inner, large }) => {
        inner.pageMap.setTag(pageOf(large), PageKind.large, length);
      });
    }
    expectFound('[PAGE-1]', ({ inner, large }) => inner.pageMap.clearTag(pageOf(large)));
  });

  test('[PAGE-1] an extent of a kind that there is not, is never left behind, or is the head alone', () => {
    for (const kind of [
      13,
      15,
      PageKind.freeTail,
      PageKind.unbackedTail,
      PageKind.pending,
      PageKind.reserved,
      PageKind.resizing,
    ]) {
      expectFound('[PAGE-1]', ({ inner, large }) => {
        inner.pageMap.setTag(pageOf(large), kind, inner.pageMap.length(pageOf(large)));
      });
    }
    expectFound('[PAGE-1]', ({ inner }) => {
      inner.pageMap.setTag(asPage(0), PageKind.large, inner.region.firstDataPage);
    });
  });

  test('[PAGE-2] a tag inside an extent', () => {
    expectFound('[PAGE-2]', ({ inner, large }) => {
      inner.pageMap.setTag(asPage(pageOf(large) + 1), PageKind.large, 3);
    });
    expectFound('[PAGE-2]', ({ inner, large }) => {
      inner.pageMap.setTag(asPage(pageOf(large) + 14), PageKind.freeTail, 15);
    });
  });

  test('[PAGE-2] a free extent whose tail says something else', () => {
    for (const [kind, length] of [
      [PageKind.inside, 0],
      [PageKind.freeTail, 2],
      [PageKind.free, 1],
    ]) {
      expectFound('[PAGE-2]', ({ inner }) => {
        const page = freeExtent(inner);
        inner.pageMap.setTag(asPage(page + inner.pageMap.length(page) - 1), kind, length);
      });
    }
  });

  test('[PAGE-2] two free extents that are not merged', () => {
    expectFound('[PAGE-2]', ({ inner }) => {
      const page = freeExtent(inner);
      const length = inner.pageMap.length(page);
      inner.pageMap.setTag(page, PageKind.free, 1);
      inner.pageMap.setTag(asPage(page + 1), PageKind.free, length - 1);
      inner.pageMap.setTag(asPage(page + length - 1), PageKind.freeTail, length - 1);
    });
  });

  test('[PAGE-3] a page that differs from its slab', () => {
    for (const field of [PageRecord.division, PageRecord.stateLine]) {
      expectFound('[PAGE-3]', ({ inner }) => inner.i32[inner.recordWord(inner.slabOf(WIDE) + 1, field)]++);
      expectFound('[PAGE-3]', ({ inner }) => inner.i32[inner.recordWord(inner.slabOf(WIDE), field)]++);
    }
  });

  test('[PAGE-3] a slab without a class, or of a class that there is not', () => {
    for (const word of [0, 1000, -1000]) {
      expectFound('[PAGE-3]', ({ inner }) => {
        inner.i32[inner.recordWord(inner.slabOf(SMALL), PageRecord.division)] = word;
      });
    }
  });

  test('[PAGE-3] a slab of a wrong length', () => {
    expectFound('[PAGE-3]', ({ inner }) => {
      const slab = inner.slabOf(WIDE);
      const { pages } = SLAB_SHAPES[WIDE];
      inner.pageMap.setTag(slab, PageKind.slab, pages - 1);
      inner.pageMap.setTag(asPage(slab + pages - 1), PageKind.large, 1);
    });
  });

  test('[PAGE-3] a slab that is on the way from exclusive to shared though nobody has its bin', () => {
    expectFound('[PAGE-3]', ({ inner, small }) => {
      inner.pageMap.setSharing(pageOf(small[0]), Sharing.onTheWay);
    });
    expectFound('[PAGE-3]', ({ inner }) => {
      const slab = inner.slabOf(WIDE);
      for (let i = 0; i < SLAB_SHAPES[WIDE].pages; i++) {
        inner.pageMap.setSharing(asPage(slab + i), Sharing.onTheWay);
      }
    });
  });

  test('[PAGE-3] a page whose blocks are freed in another way than those of its slab', () => {
    for (const sharing of [Sharing.onTheWay, Sharing.shared]) {
      expectFound('[PAGE-3]', ({ inner }) => {
        const page = asPage(inner.slabOf(WIDE) + 1);
        expect(inner.pageMap.sharing(page)).toBe(Sharing.exclusive);
        inner.pageMap.setSharing(page, sharing);
      });
    }
  });

  test('a slab that is shared though no block of it was freed by another thread is none of the damages', () => {
    const { heap, inner, small, shared } = loadedHeap();
    expect(inner.sharingOf(shared)).toBe(Sharing.shared);
    expect(inner.sharingOf(small[0])).toBe(Sharing.exclusive);
    inner.pageMap.setSharing(pageOf(small[0]), Sharing.shared);
    expect(heap.checkReport().problems).toEqual([]);
  });

  test('[PAGE-3] a page that differs from its slab in bits that mean nothing', () => {
    for (const bit of [7, 9, 11, 16, 29]) {
      expectFound('[PAGE-3]', ({ inner }) => {
        inner.i32[inner.recordWord(inner.slabOf(WIDE) + 1, PageRecord.division)] ^= 1 << bit;
      });
    }
  });

  test("[PAGE-3] a class on a page that is neither a slab's nor of states", () => {
    for (const word of [1, SlabWord.slab, SlabWord.notExclusive]) {
      const place = (page: (loaded: Loaded) => number): void => {
        expectFound('[PAGE-3]', (loaded) => {
          loaded.inner.i32[loaded.inner.recordWord(page(loaded), PageRecord.division)] = word;
        });
      };
      place(({ large }) => pageOf(large));
      place(({ large }) => pageOf(large) + 4);
      place(({ inner }) => freeExtent(inner) + 1);
      place(({ inner }) => inner.cachePage(0));
      place(() => 0);
    }
  });
});

describe('free extents', () => {
  test('[FREE-1] an extent that is in no list', () => {
    expectFound('[FREE-1]', ({ inner }) => (inner.i32[freeListWord(inner, freeExtent(inner))] = 0));
  });

  test('[FREE-1] an extent in use, a page that there is not, or a wrong list', () => {
    for (const page of [1, 5000, -1, 2 ** 30]) {
      expectFound('[FREE-1]', ({ inner }) => (inner.i32[freeListWord(inner, freeExtent(inner))] = page));
    }
    expectFound(
      '[FREE-1]',
      ({ inner, large }) => (inner.i32[Extents.low + FreeIndex.heads + 10] = pageOf(large)),
    );
    expectFound(
      '[FREE-1]',
      ({ inner }) => (inner.i32[Extents.low + FreeIndex.heads + 1] = freeExtent(inner)),
    );
  });

  test('[FREE-1] a list that runs in a circle, or whose links back are wrong', () => {
    for (const field of [PageRecord.next, PageRecord.previous]) {
      expectFound('[FREE-1]', ({ inner }) => {
        const page = freeExtent(inner);
        inner.i32[inner.recordWord(page, field)] = page;
      });
    }
  });

  test('[FREE-2] a bit of the bitmap or of its summary that is wrong', () => {
    expectFound('[FREE-2]', ({ inner }) => {
      const bin = listOfLength(inner.pageMap.length(freeExtent(inner)));
      inner.i32[Extents.low + FreeIndex.bitmap + (bin >>> 5)] &= ~(1 << (bin & 31));
    });
    for (const index of [Extents.low, Extents.own, Extents.high]) {
      expectFound('[FREE-2]', ({ inner }) => (inner.i32[index + FreeIndex.bitmap + 12] |= 1 << 31));
      expectFound('[FREE-2]', ({ inner }) => (inner.i32[index + FreeIndex.summary] |= 1 << 12));
      expectFound('[FREE-2]', ({ inner }) => (inner.i32[index + FreeIndex.summary] |= 1 << 31)); // of no word
    }
    expectFound('[FREE-2]', ({ inner }) => (inner.i32[Extents.low + FreeIndex.summary] = 0));
  });

  test('[FREE-4] an extent across the border of the low part that is not there', () => {
    expectFound('[FREE-4]', ({ inner }) => (inner.i32[Extents.acrossLow] = freeExtent(inner)));
  });

  test('[FREE-1] [FREE-2] [FREE-4] in heaps that reach beyond their low part', () => {
    const far = Heap.create(new SharedArrayBuffer(2 ** 31 + 2 ** 26));
    const inner = new InnerHeap(far);
    const { i32 } = inner;
    /** Each word with another value is named, and all is well without. */
    const expectEach = (words: [invariant: string, word: number, value: number][]): void => {
      expect(far.checkReport().problems).toEqual([]);
      for (const [invariant, word, value] of words) {
        const before = i32[word];
        i32[word] = value;
        expect(namedIn(far.checkReport())).toContain(invariant);
        i32[word] = before;
      }
      expect(far.check()).toBe(1);
    };
    const wordsOf = (index: Extents.low | Extents.own, page: number, length: number) => {
      const bin = listOfLength(length);
      return {
        head: index + FreeIndex.heads + bin,
        bitmap: index + FreeIndex.bitmap + (bin >>> 5),
        page,
      };
    };
    // all in one extent, which counts as what it has below
    const all = inner.extentOf(PageKind.free);
    const half = wordsOf(Extents.low, all.page, LOW_PAGES - all.page);
    expect(i32[half.head]).toBe(all.page);
    expectEach([
      ['[FREE-1]', half.head, 0],
      ['[FREE-2]', half.bitmap, 0],
      ['[FREE-4]', Extents.acrossLow, 0],
      ['[FREE-4]', Extents.acrossLow, all.page + 1],
    ]);
    // one on each side
    const wall = far.malloc((LOW_PAGES - all.page) * 4096 - 2 ** 20);
    const rest = far.malloc(2 ** 20);
    expect([wall + far.usableSize(wall), rest]).toEqual([LOW_PAGES * 4096, all.page * 4096]);
    const above = wordsOf(Extents.own, LOW_PAGES, inner.pageMap.pages - LOW_PAGES);
    expect(i32[above.head]).toBe(LOW_PAGES);
    far.free(rest);
    const below = wordsOf(Extents.low, all.page, 256);
    expect(i32[below.head]).toBe(all.page);
    expectEach([
      ['[FREE-1]', above.head, 0],
      ['[FREE-1]', above.head, all.page],
      ['[FREE-1]', below.head, LOW_PAGES],
      ['[FREE-2]', above.bitmap, 0],
      ['[FREE-4]', Extents.acrossLow, LOW_PAGES],
    ]);
    // repaired, when one lies across again
    far.free(wall);
    expect(i32[Extents.acrossLow]).toBe(all.page);
    i32.fill(-1, Extents.acrossLow, Extents.end);
    i32[Extents.lock] = ABANDONED;
    far.free(far.malloc(2 ** 20));
    expect(i32[Extents.acrossLow]).toBe(all.page);
    expect(far.checkReport().problems).toEqual([]);
  });
});

describe('slabs', () => {
  test('[STATE-1] a block cached by a slot that is not in use', () => {
    for (const slot of [EMPTY_SLOT, THREADS, MAX_SLOTS - 1]) {
      expectFound('[STATE-1]', ({ inner, small }) => (inner.u8[inner.stateOf(small[0])] = cachedBy(slot)));
    }
  });

  test('[STATE-1] a live block that was taken in a slot which the heap lacks', () => {
    for (const state of [liveIn(THREADS), liveIn(MAX_SLOTS - 1), 255]) {
      expectFound('[STATE-1]', ({ inner, small }) => (inner.u8[inner.stateOf(small[0])] = state));
    }
  });

  test('a live block whose taker has left since is none of the damages', () => {
    const { heap, inner, small } = loadedHeap();
    inner.u8[inner.stateOf(small[0])] = liveIn(EMPTY_SLOT);
    expect(heap.checkReport().problems).toEqual([]);
  });

  test("[STATE-1] a state behind the slab's last block", () => {
    expectFound('[STATE-1]', ({ inner }) => {
      const slab = inner.slabOf(SMALL);
      inner.u8[inner.stateByte(slab, SLAB_SHAPES[SMALL].lines * 64 - 1)] = liveIn(0);
    });
  });

  const halfEmpty = (inner: InnerHeap): PageIndex =>
    inner.extentOf(
      PageKind.slab,
      ({ page }) => inner.pageMap.freeBlocks(page) > 0 && inner.pageMap.sizeClass(page) === SMALL,
    ).page;

  test('[SLAB-1] a slab that counts its FREE blocks wrongly', () => {
    for (const change of [-1, 1, 1000]) {
      expectFound('[SLAB-1]', ({ inner }) => {
        const slab = halfEmpty(inner);
        inner.pageMap.setCounts(slab, inner.pageMap.freeBlocks(slab) + change, 0);
      });
    }
    expectFound('[SLAB-1]', ({ inner, small }) => (inner.u8[inner.stateOf(small[0])] = 0));
  });

  test('[SLAB-1] a FREE block below the place where the search for one begins', () => {
    for (const start of [SLAB_SHAPES[SMALL].blocks, 2 ** 15, -1]) {
      expectFound('[SLAB-1]', ({ inner: { pageMap }, inner }) => {
        const slab = halfEmpty(inner);
        pageMap.setCounts(slab, pageMap.freeBlocks(slab), start);
      });
    }
  });

  test('[SLAB-1] a place where the search begins that no block has', () => {
    expectFound('[SLAB-1]', ({ inner }) => {
      const full = inner
        .extents()
        .find(({ page, kind }) => kind === PageKind.slab && inner.pageMap.freeBlocks(page) === 0)!.page;
      inner.pageMap.setCounts(full, 0, SLAB_SHAPES[inner.pageMap.sizeClass(full)].blocks + 1);
    });
  });

  test('[SLAB-2] a slab with FREE blocks that is in no list', () => {
    expectFound('[SLAB-2]', ({ inner }) => (inner.i32[binAt(SMALL) + Bin.slabs] = 0));
  });

  test('[SLAB-2] a full slab, one of another class, or no slab in the list', () => {
    for (const page of [1, 5000, -1]) {
      expectFound('[SLAB-2]', ({ inner }) => (inner.i32[binAt(SMALL) + Bin.slabs] = page));
    }
    expectFound('[SLAB-2]', ({ inner }) => (inner.i32[binAt(SMALL) + Bin.slabs] = inner.slabOf(WIDE)));
    expectFound('[SLAB-2]', ({ inner }) => {
      const slab = halfEmpty(inner);
      inner.i32[inner.recordWord(slab, PageRecord.next)] = slab;
    });
  });

  test('[SLAB-2] an empty slab that is in no list, or among those that are not', () => {
    expectFound('[SLAB-2]', ({ inner }) => (inner.i32[binAt(WIDE) + Bin.emptySlabs] = 0));
    expectFound('[SLAB-2]', ({ inner }) => {
      const bin = binAt(WIDE);
      inner.i32[bin + Bin.slabs] = inner.i32[bin + Bin.emptySlabs];
      inner.i32[bin + Bin.emptySlabs] = 0;
    });
  });

  test('[SLAB-2] a slab that is not empty, one of another class, or no slab among the empty ones', () => {
    expectFound('[SLAB-2]', ({ inner }) => (inner.i32[binAt(SMALL) + Bin.emptySlabs] = halfEmpty(inner)));
    expectFound('[SLAB-2]', ({ inner }) => {
      inner.i32[binAt(SMALL) + Bin.emptySlabs] = inner.i32[binAt(WIDE) + Bin.emptySlabs];
    });
    for (const page of [1, 5000, -1]) {
      expectFound('[SLAB-2]', ({ inner }) => (inner.i32[binAt(WIDE) + Bin.emptySlabs] = page));
    }
  });

  test('[SLAB-3] a bin that counts its empty slabs wrongly', () => {
    expectFound('[SLAB-3]', ({ inner }) => inner.i32[binAt(WIDE) + Bin.emptyCount]++);
    expectFound('[SLAB-3]', ({ inner }) => inner.i32[binAt(WIDE) + Bin.emptyCount]--);
    expectFound('[SLAB-3]', ({ inner }) => inner.i32[binAt(SMALL) + Bin.emptyCount]++);
  });

  test('[SLAB-3] a bin that counts its slabs or their FREE blocks wrongly', () => {
    expectFound('[SLAB-3]', ({ inner }) => inner.i32[binAt(SMALL) + Bin.slabCount]++);
    expectFound('[SLAB-3]', ({ inner }) => inner.i32[binAt(SMALL) + Bin.freeBlocks]--);
    expectFound('[SLAB-3]', ({ inner }) => inner.i32[binAt(0) + Bin.slabCount]++);
  });
});

describe('state pages', () => {
  const statePage = (inner: InnerHeap, lines = 1): PageIndex =>
    inner.extentOf(PageKind.states, ({ page }) => inner.pageMap.runLength(page) === lines).page;

  test('[STORE-1] a redzone that was written over', () => {
    for (const byte of [0, 63]) {
      expectFound('[STORE-1]', ({ inner }) => (inner.u8[statePage(inner) * 4096 + byte] ^= 1));
    }
  });

  test('[STORE-2] a bitmap that says something else than the slabs', () => {
    expectFound('[STORE-2]', ({ inner }) => inner.pageMap.setFreeRunsLow(statePage(inner), 0));
    expectFound('[STORE-2]', ({ inner }) => inner.pageMap.setFreeRunsLow(statePage(inner), -1));
    expectFound('[STORE-2]', ({ inner }) => {
      inner.pageMap.setFreeRunsHigh(statePage(inner), inner.pageMap.freeRunsHigh(statePage(inner)) ^ 1);
    });
  });

  test('[STORE-2] two slabs with one run, or a slab whose states lie nowhere or between runs', () => {
    const moveTo = (line: (inner: InnerHeap) => number): void => {
      expectFound('[STORE-2]', ({ inner }) => {
        const slab = inner.slabOf(WIDE);
        for (let i = 0; i < SLAB_SHAPES[WIDE].pages; i++) {
          inner.i32[inner.recordWord(slab + i, PageRecord.stateLine)] = line(inner);
        }
      });
    };
    moveTo((inner) => {
      const of = (page: PageIndex): number => inner.pageMap.stateLine(page);
      return of(inner.extentOf(PageKind.slab, ({ page }) => of(page) !== of(inner.slabOf(WIDE))).page);
    });
    moveTo((inner) => freeExtent(inner) * 64 + 1);
    moveTo((inner) => statePage(inner) * 64);
    moveTo(() => 0);
    moveTo(() => -1);
    moveTo(() => 2 ** 30);
  });

  test('[STORE-2] a state page with runs of a wrong length', () => {
    for (const lines of [0, -1, 2, 16, 2 ** 30]) {
      expectFound('[STORE-2]', ({ inner }) => {
        inner.pageMap.setRunLength(statePage(inner), lines);
      });
    }
  });

  test('[STORE-3] a page with a free run that is in no list', () => {
    expectFound('[STORE-3]', ({ inner }) => (inner.i32[Extents.statePageHeads + 1] = 0));
  });

  test('[STORE-3] a page in the list of another length, or something else in a list', () => {
    expectFound('[STORE-3]', ({ inner }) => (inner.i32[Extents.statePageHeads + 9] = statePage(inner)));
    for (const page of [1, 5000, -1]) {
      expectFound('[STORE-3]', ({ inner }) => (inner.i32[Extents.statePageHeads + 1] = page));
    }
  });

  describe('in an extent of several', () => {
    const secondPage = (inner: InnerHeap): PageIndex =>
      pageAfter(inner.extentOf(PageKind.states, ({ length }) => length > 1).page, 1);
    const expectFoundThere = (invariant: string, damage: (inner: InnerHeap, page: PageIndex) => void): void =>
      expectFound(invariant, ({ inner }) => damage(inner, secondPage(inner)), heapWithLongStates());

    test('[STORE-1] a redzone that was written over', () => {
      expectFoundThere('[STORE-1]', (inner, page) => (inner.u8[(page - 1) * 4096 + 5] ^= 1));
    });

    test('[STORE-2] runs of a wrong length', () => {
      for (const lines of [0, -1, 1, 8]) {
        expectFoundThere('[STORE-2]', (inner, page) => {
          inner.pageMap.setRunLength(page, lines);
        });
      }
    });

    test('[STORE-2] a bitmap that says something else than the slabs', () => {
      expectFoundThere('[STORE-2]', ({ pageMap }, page) =>
        pageMap.setFreeRunsLow(page, pageMap.freeRunsLow(page) ^ 1),
      );
      expectFoundThere('[STORE-2]', ({ pageMap }, page) => pageMap.setFreeRunsHigh(page, 1));
    });

    test('[STORE-2] a slab whose states lie between runs', () => {
      expectFoundThere('[STORE-2]', (inner, page) => {
        const slab = inner.slabOf(CLASS_SIZE.indexOf(16));
        inner.i32[inner.recordWord(slab, PageRecord.stateLine)] = page * 64 + 1;
      });
    });

    test('[STORE-3] a page with a free run that is in no list', () => {
      expectFoundThere('[STORE-3]', (inner) => (inner.i32[Extents.statePageHeads + 4] = 0));
    });

    test('[STORE-2] more pages than such an extent has', () => {
      expectFound('[STORE-2]', ({ heap, inner }) => {
        const page = pageOf(heap.alignedAlloc(8192, (MAX_STATE_PAGES + 1) * 4096));
        inner.pageMap.setTag(page, PageKind.states, MAX_STATE_PAGES + 1);
      });
    });
  });

  test('[STORE-3] a page kept without a run in use', () => {
    expectFound('[STORE-3]', ({ heap, inner }) => {
      const page = pageOf(heap.alignedAlloc(8192, 4096));
      inner.u8.fill(0x5a, page * 4096, page * 4096 + 64);
      inner.pageMap.setTag(page, PageKind.states, 1);
      inner.pageMap.setRunLength(page, 1);
      const [low, high] = allFree(runsOfPage(1, true));
      inner.pageMap.setFreeRunsLow(page, low);
      inner.pageMap.setFreeRunsHigh(page, high);
    });
  });
});

describe('threads', () => {
  test('[CACHE-1] a block cached by a slot that has no entry for it below the top', () => {
    expectFound('[CACHE-1]', ({ inner, small }) => (inner.u8[inner.stateOf(small[0])] = cachedBy(1)));
    expectFound('[CACHE-1]', ({ inner }) => (inner.i32[inner.topWord(0, SMALL)] -= ENTRY));
    expectFound('[CACHE-1]', ({ inner }) => (inner.i32[inner.topWord(0, SMALL)] = inner.stackWord(0, SMALL)));
  });

  test('[CACHE-1] an entry below the top whose block is live, free or in another cache', () => {
    for (const state of [FREE, liveIn(0), liveIn(1), cachedBy(1)]) {
      expectFound('[CACHE-1]', ({ inner }) => (inner.u8[inner.i32[inner.stackWord(0, SMALL) + 1]] = state));
    }
  });

  test('[CACHE-1] an entry above the top that was forgotten', () => {
    expectFound('[CACHE-1]', ({ inner }) => {
      inner.i32[inner.topWord(1, SMALL)] += ENTRY;
    });
  });

  test('[CACHE-1] an entry with a wrong block or a wrong state', () => {
    for (const word of [0, 1]) {
      for (const wrong of [0, -1, 1, 2 ** 30]) {
        expectFound('[CACHE-1]', ({ inner }) => (inner.i32[inner.stackWord(0, SMALL) + word] = wrong));
      }
      expectFound('[CACHE-1]', ({ inner }) => inner.i32[inner.stackWord(0, SMALL) + word]++);
    }
  });

  test('[CACHE-1] two entries for one block, one for none', () => {
    expectFound('[CACHE-1]', ({ inner }) => {
      const bottom = inner.stackWord(0, SMALL);
      inner.i32.copyWithin(bottom, bottom + ENTRY, bottom + 2 * ENTRY);
    });
    expectFound('[CACHE-1]', ({ inner }) => {
      const top = inner.topWord(0, SMALL);
      inner.i32.copyWithin(inner.i32[top], inner.i32[top] - ENTRY, inner.i32[top]);
      inner.i32[top] += ENTRY;
    });
  });

  test('[CACHE-1] a block in the stack of another class', () => {
    expectFound('[CACHE-1]', ({ inner }) => {
      const [from, to] = [inner.topWord(0, SMALL), inner.topWord(0, WIDE)];
      inner.i32.copyWithin(inner.i32[to], inner.i32[from] - ENTRY, inner.i32[from]);
      inner.i32[from] -= ENTRY;
      inner.i32[to] += ENTRY;
    });
  });

  test('[CACHE-2] a top below its stack, above its end or in the middle of an entry', () => {
    const setTop = (slot: number, top: (inner: InnerHeap) => number): void => {
      expectFound('[CACHE-2]', ({ inner }) => (inner.i32[inner.topWord(slot, SMALL)] = top(inner)));
    };
    for (const slot of [0, 1]) {
      setTop(slot, () => 0);
      setTop(slot, () => -1);
      setTop(slot, () => 2 ** 30);
      setTop(slot, (inner) => inner.stackWord(slot, SMALL) - ENTRY);
      setTop(slot, (inner) => inner.i32[inner.topWord(slot, SMALL)] + 1);
      setTop(slot, (inner) => inner.i32[inner.topWord(slot, SMALL) + 1] + ENTRY);
    }
  });

  test('[CACHE-2] an end that was moved', () => {
    for (const change of [-ENTRY, -1, 1, ENTRY, 2 ** 30]) {
      expectFound('[CACHE-2]', ({ inner }) => (inner.i32[inner.topWord(1, SMALL) + 1] += change));
    }
  });

  test('[CACHE-2] a sentinel that was written over', () => {
    for (const word of [1, 2]) {
      for (const slot of [0, 1]) {
        expectFound('[CACHE-2]', ({ inner }) => (inner.i32[inner.stackWord(slot, SMALL) - word] = 1));
      }
    }
  });

  test('[CACHE-2] a class that has no stack, but for one word, or the sentinel of such classes written over', () => {
    const noStack = (inner: InnerHeap): number => inner.cachePage(1) * 1024 + inner.cacheLayout.noStack;
    for (const word of [0, 1]) {
      expectFound('[CACHE-2]', ({ inner }) => (inner.i32[inner.topWord(1, SMALL) + word] = noStack(inner)));
      expectFound('[CACHE-2]', ({ inner }) => (inner.i32[noStack(inner) - 1 - word] = 1));
    }
  });

  /** Positions of the top, and of the oldest and the youngest entry of the runs of slot 0. */
  const runsOf = (inner: InnerHeap): { top: number; oldest: number; youngest: number } => {
    const top = inner.topWord(0, inner.runStack(RUN));
    return { top, oldest: inner.stackWord(0, inner.runStack(RUN)), youngest: inner.i32[top] - ENTRY };
  };

  test('the loaded heap has runs in both caches', () => {
    const { inner, run } = loadedHeap();
    const { oldest, youngest } = runsOf(inner);
    expect(youngest - oldest).toBe(ENTRY);
    expect(inner.i32[youngest] * 8).toBe(run);
    expect([0, 1].map((slot) => inner.i32[inner.runPagesWord(slot)])).toEqual([2 * RUN, OTHER_RUN]);
    expect(inner.pageMap.tag(pageOf(run))).toBe(cachedRunTag(0, RUN));
  });

  test('[CACHE-1] an entry below the top whose run of pages is live or free', () => {
    expectFound('[CACHE-1]', ({ inner, run }) => inner.pageMap.setTag(pageOf(run), PageKind.large, RUN));
    expectFound('[CACHE-1]', ({ inner, run }) => inner.pageMap.setTag(pageOf(run), PageKind.free, RUN));
    expectFound('[CACHE-1]', ({ inner }) => (inner.i32[runsOf(inner).top] += ENTRY)); // nothing there
  });

  test('[CACHE-1] an entry that names no run, another one, or its middle', () => {
    for (const entry of ['oldest', 'youngest'] as const) {
      for (const wrong of [0, -1, 1, 2 ** 30, 2 ** 31 - 512]) {
        expectFound('[CACHE-1]', ({ inner }) => (inner.i32[runsOf(inner)[entry]] = wrong));
      }
      expectFound('[CACHE-1]', ({ inner }) => inner.i32[runsOf(inner)[entry]]++);
      expectFound('[CACHE-1]', ({ inner }) => (inner.i32[runsOf(inner)[entry]] += 512));
      expectFound('[CACHE-1]', ({ inner, large }) => (inner.i32[runsOf(inner)[entry]] = large / 8));
      expectFound('[CACHE-1]', ({ inner }) => {
        inner.i32[runsOf(inner)[entry]] = inner.i32[inner.stackWord(1, inner.runStack(OTHER_RUN))];
      });
    }
  });

  test('[CACHE-1] a run of pages that no entry names', () => {
    expectFound('[CACHE-1]', ({ inner }) => {
      inner.i32[runsOf(inner).top] -= ENTRY;
      inner.i32[inner.runPagesWord(0)] -= RUN;
    });
    expectFound('[CACHE-1]', ({ inner, large }) => {
      inner.i32[inner.recordWord(pageOf(large), PageRecord.tag)] = cachedRunTag(0, 15);
    });
  });

  test('[CACHE-1] two entries for one run', () => {
    expectFound('[CACHE-1]', ({ inner }) => {
      const { oldest, youngest } = runsOf(inner);
      inner.i32[oldest] = inner.i32[youngest];
    });
    expectFound('[CACHE-1]', ({ inner }) => {
      const { top, youngest } = runsOf(inner);
      inner.i32.copyWithin(youngest + ENTRY, youngest, youngest + ENTRY);
      inner.i32[top] += ENTRY;
      inner.i32[inner.runPagesWord(0)] += RUN;
    });
  });

  test('[CACHE-1] a run that lies in the cache of another slot, of one without a thread, or of none', () => {
    for (const slot of [1, EMPTY_SLOT, THREADS, MAX_SLOTS - 1, 255, 4095]) {
      expectFound('[CACHE-1]', ({ inner, run }) => {
        inner.i32[inner.recordWord(pageOf(run), PageRecord.tag)] = cachedRunTag(slot, RUN);
      });
      // and no entry, either
      expectFound('[CACHE-1]', ({ inner, large }) => {
        inner.i32[inner.recordWord(pageOf(large), PageRecord.tag)] = cachedRunTag(slot, 15);
      });
    }
  });

  test('[CACHE-1] a run of another length than its stack’s', () => {
    expectFound('[CACHE-1]', ({ inner, run }) => {
      inner.i32[inner.recordWord(pageOf(run), PageRecord.tag)] = cachedRunTag(0, RUN - 1);
      inner.pageMap.setTag(asPage(pageOf(run) + RUN - 1), PageKind.large, 1);
    });
    expectFound('[CACHE-1]', ({ inner }) => {
      const { top, youngest } = runsOf(inner);
      const to = inner.topWord(0, inner.runStack(RUN + 1));
      inner.i32.copyWithin(inner.i32[to], youngest, youngest + ENTRY);
      inner.i32[top] -= ENTRY;
      inner.i32[to] += ENTRY;
    });
  });

  test('[PAGE-1] a run of no length, or of one that leads into the middle of another extent', () => {
    for (const length of [0, 1, RUN - 1, RUN + 1, 255]) {
      expectFound('[PAGE-1]', ({ inner, run }) => {
        inner.i32[inner.recordWord(pageOf(run), PageRecord.tag)] = cachedRunTag(0, length);
      });
    }
  });

  test('[CACHE-2] a count of the pages in runs that is wrong', () => {
    for (const slot of [0, 1]) {
      for (const wrong of [0, -1, 1, 2 * RUN + 1, OTHER_RUN - 1, 2 ** 30]) {
        expectFound('[CACHE-2]', ({ inner }) => (inner.i32[inner.runPagesWord(slot)] = wrong));
      }
    }
  });

  test('[CACHE-2] a stack of runs whose top, end or sentinel is not its own', () => {
    const setTop = (top: (inner: InnerHeap, at: number) => number): void => {
      for (const pages of [RUN, SHORTEST_RUN, LONGEST_RUN]) {
        expectFound('[CACHE-2]', ({ inner }) => {
          const at = inner.topWord(0, inner.runStack(pages));
          inner.i32[at] = top(inner, at);
        });
      }
    };
    setTop(() => 0);
    setTop(() => -1);
    setTop(() => 2 ** 30);
    setTop((inner, at) => inner.i32[at] + 1);
    setTop((inner, at) => inner.i32[at + 1] + ENTRY);
    setTop((inner, at) => inner.i32[at] - 3 * ENTRY);
    for (const change of [-ENTRY, 1, ENTRY]) {
      expectFound('[CACHE-2]', ({ inner }) => (inner.i32[runsOf(inner).top + 1] += change));
    }
    for (const word of [1, 2]) {
      expectFound('[CACHE-2]', ({ inner }) => (inner.i32[runsOf(inner).oldest - word] = 1));
    }
  });

  const setSlot = (slot: number, field: Slot, value: (inner: InnerHeap) => number): void => {
    expectFound('[SLOT-1]', ({ inner }) => (inner.i32[slotAt(slot) + field] = value(inner)));
  };

  test('[SLOT-1] an owner that is no thread, nobody, dead or a reaper', () => {
    for (const owner of [-2, -255, -0x101, -tokenOf(THREADS, 1), -tokenOf(254, 7)])
      setSlot(1, Slot.owner, () => owner);
  });

  test('[SLOT-1] a cache page that is not a cache, or not one of this slot', () => {
    for (const page of [1, 5000, -1]) setSlot(1, Slot.cachePage, () => page);
    setSlot(1, Slot.cachePage, (inner) => freeExtent(inner));
    setSlot(1, Slot.cachePage, (inner) => inner.cachePage(0));
    expectFound('[SLOT-1]', ({ inner }) => inner.pageMap.setCacheSlot(inner.cachePage(1), 2));
  });

  test('[SLOT-1] the name of a cache that a dead thread, or one that reaped it, had given back is no damage', () => {
    for (const owner of [SlotOwner.dead, -tokenOf(2, 1), -tokenOf(0, 1 << 22)]) {
      const { heap, inner } = loadedHeap();
      inner.i32[slotAt(EMPTY_SLOT) + Slot.cachePage] = freeExtent(inner);
      inner.i32[slotAt(EMPTY_SLOT) + Slot.owner] = owner;
      expect(heap.checkReport().problems).toEqual([]);
    }
  });

  test('[SLOT-1] a cache of nobody', () => {
    setSlot(1, Slot.owner, () => SlotOwner.nobody);
    setSlot(1, Slot.cachePage, () => 0);
    setSlot(EMPTY_SLOT, Slot.cachePage, (inner) => inner.cachePage(1));
  });

  test('[SLOT-2] a slot that does not name the thread which checks, as it was when it attached', () => {
    for (const field of [
      Slot.owner,
      Slot.startTimeLow,
      Slot.startTimeHigh,
      Slot.startTimeOf,
      Slot.generation,
    ])
      expectFound('[SLOT-2]', ({ inner }) => (inner.i32[slotAt(0) + field] += 2));
  });

  test('[SLOT-2] a flag of fast sections that says nothing', () => {
    for (const flag of [3, -1, 2 ** 30])
      expectFound('[SLOT-2]', ({ inner }) => (inner.i32[slotAt(1) + Slot.busy] = flag));
  });

  test('[CACHE-3] a redzone that was written over', () => {
    for (const slot of [0, 1])
      for (const word of [0, 15])
        expectFound('[CACHE-3]', ({ inner }) => (inner.i32[inner.cachePage(slot) * 1024 + word] = 1));
  });

  test('[LOCK-1] a lock held by a slot that there is not', () => {
    for (const lock of LOCKS) {
      expectFound('[LOCK-1]', ({ inner }) => (inner.i32[lock] = tokenOf(THREADS, 1)));
      expectFound('[LOCK-1]', ({ inner }) => (inner.i32[lock] = 0x100));
    }
  });

  test('[LOCK-1] a lock that a former user of a slot holds is taken over', () => {
    const { heap, inner } = loadedHeap();
    inner.i32[Extents.lock] = tokenOf(EMPTY_SLOT, 0);
    for (const lock of LOCKS) inner.i32[lock] = tokenOf(0, 999);
    expect(heap.checkReport().problems).toEqual([]);
    for (const lock of LOCKS) expect(inner.i32[lock]).toBe(0);
  });

  test('[LOCK-1] a lock that its owner abandoned is repaired', () => {
    for (const lock of LOCKS) {
      const { heap, inner } = loadedHeap();
      inner.i32[lock] = ABANDONED;
      if (lock === (Extents.lock as number)) inner.i32[Extents.freePages] = -7;
      if (lock === binAt(SMALL) + Bin.lock) inner.i32[binAt(SMALL) + Bin.emptyCount] = 3;
      if (lock === slotAt(1) + Slot.gate) {
        inner.i32[inner.topWord(1, SMALL)] = 0;
        inner.i32[inner.topWord(1, inner.runStack(OTHER_RUN))] = -1;
        inner.i32[inner.runPagesWord(1)] = 1000;
      }
      expect(heap.checkReport().problems).toEqual([]);
      expect(inner.i32[lock]).toBe(0);
    }
  });

  test.each(['checkReport', 'stats'] as const)(
    '[LOCK-1] a repair that is cut short in %s is begun anew by whoever comes next',
    (method) => {
      for (const lock of [binAt(SMALL) + Bin.lock, Extents.lock]) {
        const { heap, inner } = loadedHeap();
        inner.i32[lock] = ABANDONED;
        inner.i32[Extents.freePages] = -7;
        inner.i32[binAt(SMALL) + Bin.emptyCount] = 3;
        const repair = jest.spyOn(Recovery.prototype, 'repair').mockImplementationOnce(() => {
          throw new RangeError('the stack is full');
        });
        expect(() => heap[method]()).toThrow('the stack is full');
        repair.mockRestore();
        expect(inner.i32[lock]).toBe(ABANDONED);
        inner.i32[Extents.lock] = ABANDONED;
        inner.i32[binAt(SMALL) + Bin.lock] = ABANDONED;
        expect(heap.checkReport().problems).toEqual([]);
      }
    },
  );
});

test('[HEAD-1] [HEAD-2] [PAGE-1] [PAGE-2] [PAGE-3] [EXTENT-1] [FREE-1] [FREE-2] hold through random load', () => {
  expectHoldingThroughLoad('pages');
});

test('[STATE-1] [SLAB-1] [SLAB-2] [SLAB-3] [STORE-1] [STORE-2] [STORE-3] hold through random load', () => {
  expectHoldingThroughLoad('slabs');
});

test('[CACHE-1] [CACHE-2] [SLOT-1] [LOCK-1] hold while threads come and go', () => {
  const random = randomFor('heap objects that come and go');
  const model = new ModelHeap(Heap.create(new SharedArrayBuffer(2 << 20), { threads: THREADS }));
  const others: Heap[] = [];
  for (let step = 0; step < 300; step++) {
    if (others.length < THREADS - 1 && random.chance(30)) others.push(Heap.attach(model.heap.handle));
    else if (others.length > 0 && random.chance(30))
      others.splice(random.below(others.length), 1)[0].detach();
    for (let i = 0; i < 30; i++) model.malloc(random.size(3000));
    for (let i = 0; i < 3; i++) model.malloc(random.between(16_385, 60_000));
    for (const ptr of random.shuffle([...model.pointers]).slice(0, 33)) {
      const other = random.pick([model.heap, ...others]);
      model.free(ptr, other);
    }
    if (step % 10 === 0) model.verifyAll();
  }
  model.freeAll();
  for (const other of others) other.detach();
  model.verifyAll();
});

function expectHoldingThroughLoad(kind: 'pages' | 'slabs'): void {
  const random = randomFor(`check under load of ${kind}`);
  const model = new ModelHeap(Heap.create(new SharedArrayBuffer(2 << 20)));
  for (let step = 0; step < 3000; step++) {
    const size = kind === 'pages' ? random.between(16_000, 60_000) : random.size(16_384);
    if (random.chance(55)) model.malloc(size);
    else if (model.liveBlocks > 0) {
      const ptr = random.pick(model.pointers);
      if (random.chance(30)) model.realloc(ptr, size);
      else model.free(ptr);
    }
    if (step % 50 === 0) model.verifyAll();
  }
  model.freeAll();
  model.verifyAll();
}

describe('others stand still', () => {
  /** The system is asked about the other thread while caches are verified: whether all stand still then. */
  function checkedWith(copy?: null): { heap: Heap; still: boolean[] } {
    const threads = new FakeThreads();
    const heap = Heap.create(new SharedArrayBuffer(1 << 20), { host: threads.hostOf(11) });
    const other = Heap.attach(heap.handle, { host: threads.hostOf(22) });
    const { i32 } = new InnerHeap(heap);
    const still: boolean[] = [];
    const mock = copy === null ? jest.spyOn(HeapCopy, 'for').mockReturnValue(undefined) : undefined;
    const host = {
      ...threads.hostOf(33),
      isAlive: () => {
        still.push(i32[Calls.standstill] !== 0);
        return true;
      },
    };
    other.free(other.malloc(100));
    const checker = Heap.attach(heap.handle, { host });
    still.length = 0;
    expect(checker.check()).toBe(1);
    mock?.mockRestore();
    return { heap, still: [...new Set(still)] };
  }

  test('only until there is a copy', () => {
    expect(checkedWith().still).toEqual([false]);
  });

  test('throughout where there is no room for one', () => {
    expect(checkedWith(null).still).toEqual([true]);
  });
});

test('what is verified in place is what is verified in a copy', () => {
  const { heap, inner } = loadedHeap();
  const page = freeExtent(inner);
  inner.pageMap.setZeroRun(page, inner.pageMap.zeroFrom(page), page + inner.pageMap.length(page) + 1);
  inner.i32[Extents.freePages]++;
  const report = heap.checkReport();
  const mock = jest.spyOn(HeapCopy, 'for').mockReturnValue(undefined);
  expect(heap.checkReport()).toEqual(report);
  mock.mockRestore();
  expect(namedIn(report)).toEqual(['[FREE-3]', '[EXTENT-1]']);
});

test('there is no copy of a heap that can be none, or of a large one', () => {
  const take = jest.spyOn(HeapCopy.prototype, 'take');
  const takenFrom = (damage: (loaded: Loaded) => void): unknown => {
    const loaded = loadedHeap();
    damage(loaded);
    loaded.heap.checkReport();
    return take.mock.results.at(-1)?.value;
  };
  expect(takenFrom(() => undefined)).toBeDefined();
  expect(takenFrom(({ inner }) => inner.i32[Backing.mapped]--)).toBeUndefined();
  expect(takenFrom(({ inner }) => (inner.i32[Backing.mapped] *= 2))).toBeUndefined();
  expect(
    takenFrom(({ inner }) => {
      inner.pageMap.clearTag(freeExtent(inner));
    }),
  ).toBeUndefined();
  expect(take).toHaveBeenCalledTimes(4);
  take.mockRestore();
  expect(HeapCopy.for({ region: { size: 2 ** 30 + 2 ** 20 } } as never)).toBeUndefined();
});

test('check only reads', () => {
  const { heap, inner } = loadedHeap();
  const before = inner.u8.slice();
  expect(heap.check()).toBe(1);
  expect(Buffer.compare(before, inner.u8.slice())).toBe(0);
});

test('a report counts what was looked at', () => {
  const heap = Heap.create(new SharedArrayBuffer(1 << 20));
  expect(heap.checkReport()).toEqual({ result: 1, problems: [], extents: 3, slabs: 0, blocks: 0 });
  heap.malloc(16_384);
  heap.malloc(20_000);
  const { blocks } = SLAB_SHAPES[CLASS_SIZE.indexOf(16_384)];
  expect(heap.checkReport()).toMatchObject({ result: 1, extents: 6, slabs: 1, blocks });
});

test('a report stops at a hundred problems', () => {
  const { heap, inner } = loadedHeap();
  for (let word = 0; word < 1024; word++) inner.i32[word] = 1;
  for (let slab = 0; slab < inner.region.pages; slab++) inner.pageMap.setCounts(asPage(slab), 77, 77);
  inner.u8.fill(0xee, inner.slabOf(SMALL) * 4096);
  const { result, problems } = heap.checkReport();
  expect(result).toBe(0);
  expect(problems.length).toBeLessThanOrEqual(100);
});

test('whatever words of the tables are damaged, check ends with an answer', () => {
  const random = randomFor('damage');
  for (let round = 0; round < 150; round++) {
    const { heap, inner } = loadedHeap();
    const end = inner.region.firstDataPage * 1024;
    for (let i = random.between(1, 20); i > 0; i--) {
      let word = random.between(Identity.end, end - 1);
      if (word >= Slot.start && word < slotAt(THREADS)) word = 0; // which threads live is believed
      inner.i32[word] = random.chance(50) ? random.word() : inner.i32[word] ^ (1 << random.below(32));
    }
    expect([0, 1]).toContain(heap.check());
  }
});

/** A heap with three unbacked extents: two that were given back, and the room to grow. */
function unbackedHeap(): { heap: Heap; inner: InnerHeap; holes: PageIndex[] } {
  const storage = new Storage(new SharedArrayBuffer(64 << 20));
  const heap = Heap.create(storage.buffer, { size: 4 << 20, source: storage });
  const inner = new InnerHeap(heap);
  const blocks = Array.from({ length: 5 }, () => heap.malloc(200_000));
  const extents = new ExtentAllocator(
    inner.region,
    new OwnedLocks(
      inner.i32,
      0x7f01,
      () => false,
      () => {},
    ),
  );
  for (const i of [1, 3]) {
    heap.free(blocks[i]);
    const page = extents.take(49);
    expect(page as number).toBe(blocks[i] / 4096);
    extents.unbacked.add(page, 49);
  }
  const holes = inner.extents().filter(({ kind }) => kind === PageKind.unbacked);
  return { heap, inner, holes: holes.map(({ page }) => page) };
}

function expectFoundUnbacked(
  invariant: string,
  damage: (inner: InnerHeap, holes: PageIndex[]) => void,
): void {
  const { heap, inner, holes } = unbackedHeap();
  expect(heap.checkReport().problems).toEqual([]);
  expect(holes).toHaveLength(3);
  damage(inner, holes);
  expect(namedIn(heap.checkReport())).toContain(invariant);
}

describe('pages without storage', () => {
  test('[UNBACKED-1] an extent that is in no list, or twice in it', () => {
    expectFoundUnbacked('[UNBACKED-1]', ({ i32 }) => (i32[Extents.unbacked] = 0));
    expectFoundUnbacked('[UNBACKED-1]', ({ i32, pageMap }) => {
      i32[Extents.unbacked] = pageMap.next(asPage(i32[Extents.unbacked]));
    });
    expectFoundUnbacked('[UNBACKED-1]', ({ pageMap }, holes) => {
      pageMap.setNext(holes[0], holes[0]);
      pageMap.setPrevious(holes[0], holes[0]);
    });
  });

  test('[UNBACKED-1] another extent in the list', () => {
    expectFoundUnbacked('[UNBACKED-1]', (inner) => {
      inner.i32[Extents.unbacked] = inner.extentOf(PageKind.free).page;
    });
  });

  test('[PAGE-2] a tag inside, or no tail', () => {
    expectFoundUnbacked('[PAGE-2]', ({ pageMap }, holes) => {
      pageMap.setTag(asPage(holes[0] + 3), PageKind.large, 1);
    });
    expectFoundUnbacked('[PAGE-2]', ({ pageMap }, holes) => {
      pageMap.clearTag(asPage(holes[0] + 48));
    });
    expectFoundUnbacked('[PAGE-2]', ({ pageMap }, holes) => {
      pageMap.setTag(asPage(holes[0] + 48), PageKind.freeTail, 49);
    });
  });

  test('[BACKING-1] page records without storage, or too many', () => {
    for (const change of [-1, 1, 1 << 20, -(1 << 20)]) {
      expectFoundUnbacked('[BACKING-1]', ({ i32 }) => (i32[Backing.mapped] += change));
    }
    for (const change of [-1, 1])
      expectFoundUnbacked('[BACKING-1]', ({ i32 }) => (i32[Backing.skipped] += change));
  });

  test('[EXTENT-1] counters', () => {
    for (const word of [Extents.unbackedPages, Extents.unbackedExtents]) {
      expectFoundUnbacked('[EXTENT-1]', ({ i32 }) => i32[word]++);
    }
  });
});

test('[BACKING-2] a range that is written down but can be none, or a policy or a state of the storage that there is not', () => {
  for (const [page, pages] of [
    [1, 1],
    [-1, 1],
    [600, 0],
    [600, -1],
    [600, 1 << 20],
    [1 << 20, 1],
  ]) {
    expectFound('[BACKING-2]', ({ inner }) => {
      inner.i32[Backing.page] = page;
      inner.i32[Backing.pages] = pages;
    });
  }
  for (const policy of [2, -1])
    expectFound('[BACKING-2]', ({ inner }) => (inner.i32[Backing.policy] = policy));
  for (const storage of [4, -1])
    expectFound('[BACKING-2]', ({ inner }) => (inner.i32[Backing.storage] = storage));
});

test('[FREE-3] a first or a last page that is said to be zero, and is not', () => {
  for (const place of ['first', 'last']) {
    const heap = Heap.create(new SharedArrayBuffer(1 << 20), { zeroed: true });
    const inner = new InnerHeap(heap);
    const { page } = inner.extentOf(PageKind.free);
    const { pageMap } = inner;
    expect(pageMap.zeroTo(page) - pageMap.zeroFrom(page)).toBeGreaterThan(100);
    inner.u8[(place === 'first' ? pageMap.zeroFrom(page) : pageMap.zeroTo(page) - 1) * 4096 + 77] = 1;
    expect(namedIn(heap.checkReport())).toEqual(['[FREE-3]']);
  }
});

test('[FREE-3] zero pages that are not in their free extent', () => {
  expectFound('[FREE-3]', ({ inner }) => {
    inner.pageMap.setZeroRun(freeExtent(inner), 0, 3);
  });
  expectFound('[FREE-3]', ({ inner }) => {
    const page = freeExtent(inner);
    inner.pageMap.setZeroRun(page, page - 1, page + 1);
  });
  expectFound('[FREE-3]', ({ inner }) => {
    const page = freeExtent(inner);
    inner.pageMap.setZeroRun(page, page, page + inner.pageMap.length(page) + 1);
  });
});
