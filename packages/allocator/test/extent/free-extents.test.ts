import { NULL_PAGE, asPage } from '#src/base/units';
import { listOfLength } from '#src/extent/extent-index';
import { FreeExtents, LOW_PAGES, OWN_END } from '#src/extent/free-extents';
import { MAX_PAGES, PageKind, PageMap, PageRecord } from '#src/layout/page-map';
import { Extents, FreeIndex } from '#src/layout/region-layout';
import { randomFor, type Random } from '../support/random';

const PAGES = 20_000;

/** The free extents beside a brute-force model of them: page -> length. */
class Watched {
  readonly pageMap: PageMap;
  readonly i32 = new Int32Array(Extents.end);
  readonly index: FreeExtents;
  readonly model = new Map<number, number>();

  constructor(pages = PAGES) {
    this.pageMap = new PageMap(new Int32Array(pages * PageRecord.words), pages);
    this.index = new FreeExtents(this.i32, this.pageMap);
  }

  insert(page: number, length: number): void {
    this.pageMap.setTag(asPage(page), PageKind.free, length);
    this.index.insert(asPage(page), length);
    this.model.set(page, length);
  }

  remove(page: number): void {
    this.index.remove(asPage(page), this.model.get(page)!);
    this.pageMap.clearTag(asPage(page));
    this.model.delete(page);
  }

  /** Throws unless an extent that fits is found exactly if there is one, in the part that is to be used first. */
  compare(pages: number, alignment: number): void {
    const fits = (page: number, from: number, to: number): boolean => {
      const start = Math.ceil(Math.max(page, from) / alignment) * alignment;
      return start + pages <= Math.min(page + (this.model.get(page) ?? 0), to);
    };
    const parts = [
      [0, LOW_PAGES],
      [OWN_END, Infinity],
      [0, Infinity],
    ];
    // where many have to be looked at for an alignment, one elsewhere will do
    const first = alignment === 1 || this.model.size <= 64 ? 0 : 2;
    const fitting = parts
      .slice(first)
      .find(([from, to]) => [...this.model.keys()].some((page) => fits(page, from, to)));
    const found = alignment === 1 ? this.index.find(pages) : this.index.findAligned(pages, alignment);
    if (fitting === undefined ? (found as number) !== 0 : !fits(found, fitting[0], fitting[1])) {
      throw new Error(
        `${pages} pages at ${alignment}: found page ${found} of length ${this.model.get(found)}, part ${fitting?.join(' to ')}`,
      );
    }
  }

  /** The same for the heap's own pages, and for the longest extent. */
  compareOthers(pages: number, limit: number): void {
    const below = [...this.model].filter(([page, length]) => length >= pages && page + pages <= limit);
    const found = this.index.findBelow(pages, limit);
    expect(below.length === 0 ? [NULL_PAGE] : below.map(([page]) => page)).toContain(found);
    const longest = this.model.get(this.index.longest()) ?? 0;
    expect(longest * 1.0626).toBeGreaterThanOrEqual(Math.max(0, ...this.model.values()));
  }
}

/** Extents at random places from `start` on, none overlapping, of lengths of all magnitudes. */
function fill(watched: Watched, random: Random, count: number, start = 1): void {
  let page = start;
  for (let i = 0; i < count; i++) {
    page += random.between(1, 40);
    const length = random.size(1000) + 1;
    if (page + length > watched.pageMap.pages) return;
    watched.insert(page, length);
    page += length;
  }
}

test('lists ascend with the length', () => {
  let last = listOfLength(1);
  for (let length = 2; length < 2 ** 14; length++) {
    const list = listOfLength(length);
    expect(list === last || list === last + 1).toBe(true);
    last = list;
  }
  for (let log = 14; log <= 28; log++) {
    for (const length of [2 ** log - 1, 2 ** log, 2 ** log + 1, 2 ** log + 2 ** (log - 4)]) {
      expect(listOfLength(length)).toBeGreaterThanOrEqual(listOfLength(length - 1));
    }
  }
});

test('each length below 512 pages has a list of its own, and the longest region has one', () => {
  const exact = Array.from({ length: 511 }, (_, i) => listOfLength(i + 1));
  expect(new Set([...exact, listOfLength(512)]).size).toBe(512);
  expect(listOfLength(MAX_PAGES)).toBeLessThan(FreeIndex.lists);
});

test('lengths of one list differ by less than a sixteenth', () => {
  for (let length = 512; length < 10_000; length++) {
    let shortest = length;
    while (shortest > 1 && listOfLength(shortest - 1) === listOfLength(length)) shortest--;
    expect((length - shortest) / shortest).toBeLessThan(1 / 16);
  }
});

test('an empty index finds nothing', () => {
  const { index } = new Watched();
  for (const pages of [1, 63, 64, 65, 4000, MAX_PAGES]) {
    expect([index.find(pages), index.findAligned(pages, 16)]).toEqual([0, 0]);
  }
});

test('an extent is found by every length up to its own, and by no longer one', () => {
  for (const length of [1, 2, 63, 64, 65, 100, 128, 511, 512, 513, 545, 4097]) {
    const watched = new Watched();
    watched.insert(7, length);
    for (let pages = 1; pages <= length + 1; pages++) watched.compare(pages, 1);
  }
});

test('of extents of less than 512 pages the tightest is found', () => {
  const watched = new Watched();
  for (const [page, length] of [
    [100, 60],
    [200, 12],
    [300, 40],
    [400, 511],
    [1000, 510],
    [2000, 700],
  ]) {
    watched.insert(page, length);
  }
  expect([1, 12, 13, 40, 41, 61, 510, 511, 512].map((pages) => watched.index.find(pages))).toEqual([
    200, 200, 300, 300, 100, 1000, 1000, 400, 2000,
  ]);
});

test.each([
  ['a region of 80 MB', PAGES, (): number => 1],
  [
    'one of 3 GiB, around the border',
    1.5 * LOW_PAGES,
    (random: Random): number => LOW_PAGES - random.size(5000) - 1,
  ],
  ['one of 5 GiB, around 4 GiB', 1.25 * OWN_END, (random: Random): number => OWN_END - random.size(5000) - 1],
])('an extent that fits is found if there is one, whatever comes and goes: %s', (_, pages, startOf) => {
  const random = randomFor('free extents');
  for (let round = 0; round < 5; round++) {
    const watched = new Watched(pages);
    const start = startOf(random);
    fill(watched, random, random.pick([1, 5, 50, 400]), start);
    const removed = new Map<number, number>();
    for (let step = 0; step < 2000; step++) {
      const [from, to] = random.chance(50) ? [watched.model, removed] : [removed, watched.model];
      if (from.size > 0) {
        const [page, length] = random.pick([...from]);
        if (to === removed) {
          watched.remove(page);
          removed.set(page, length);
        } else {
          removed.delete(page);
          watched.insert(page, length);
        }
      }
      watched.compare(random.size(1500) + 1, 1);
      watched.compare(random.size(300) + 1, 2 ** random.below(9));
      if (step % 8 === 0) watched.compareOthers(random.size(1500) + 1, start + random.size(PAGES));
    }
  }
});

test('an extent is found among many of its list that are a little too short', () => {
  const watched = new Watched();
  for (let i = 0; i < 20; i++) watched.insert(1 + i * 600, 512);
  watched.insert(15_000, 540);
  for (let i = 20; i < 24; i++) watched.insert(1 + i * 600, 512);
  expect(listOfLength(540)).toBe(listOfLength(512));
  expect(watched.index.find(540)).toBe(15_000);
});

test('to find an extent of up to 2 MiB takes no look at those that are a little too short', () => {
  const watched = new Watched();
  watched.insert(19_000, 135);
  for (let i = 0; i < 100; i++) watched.insert(1 + i * 150, 128);
  const kinds = jest.spyOn(watched.pageMap, 'kind');
  expect(watched.index.find(130)).toBe(19_000);
  expect(kinds.mock.calls.length).toBeLessThan(5);
});

test('a cleared index is empty', () => {
  const watched = new Watched();
  watched.insert(10, 5);
  watched.insert(20, 500);
  watched.index.clear();
  expect(watched.index.find(1)).toBe(0);
  expect(watched.i32.every((word) => word === 0)).toBe(true);
});

describe('the extent across the end of the low part', () => {
  /** One across, with 100 pages below and 900 above. */
  function straddled(): Watched {
    const watched = new Watched(1.5 * LOW_PAGES);
    watched.insert(LOW_PAGES - 100, 1000);
    return watched;
  }

  test('counts as what it has below', () => {
    const watched = straddled();
    watched.insert(1000, 110);
    watched.insert(LOW_PAGES + 2000, 60);
    const found = [50, 60, 100, 101, 110].map((pages) => watched.index.find(pages));
    expect(found).toEqual([LOW_PAGES - 100, LOW_PAGES - 100, LOW_PAGES - 100, 1000, 1000]);
  });

  test('gives what lies above when nothing else fits', () => {
    const watched = straddled();
    expect([101, 1000, 1001].map((pages) => watched.index.find(pages))).toEqual([
      LOW_PAGES - 100,
      LOW_PAGES - 100,
      0,
    ]);
    watched.insert(LOW_PAGES + 2000, 200);
    expect([101, 200, 201].map((pages) => watched.index.find(pages))).toEqual([
      LOW_PAGES + 2000,
      LOW_PAGES + 2000,
      LOW_PAGES - 100,
    ]);
    expect(watched.index.findAligned(512, 512)).toBe(LOW_PAGES - 100);
    expect(watched.index.findBelow(500, LOW_PAGES + 450)).toBe(LOW_PAGES - 100);
    expect(watched.index.findBelow(500, LOW_PAGES + 350)).toBe(0);
  });

  test('is the longest with all that it has', () => {
    const watched = straddled();
    watched.insert(1000, 500);
    watched.insert(LOW_PAGES + 2000, 500);
    expect(watched.index.longest()).toBe(LOW_PAGES - 100);
    watched.remove(LOW_PAGES - 100);
    expect(watched.index.longest()).toBe(LOW_PAGES + 2000);
    watched.remove(LOW_PAGES + 2000);
    expect(watched.index.longest()).toBe(1000);
  });
});

describe('in a region of more than 4 GiB', () => {
  test('what lies between the low part and 4 GiB is used last, however well it fits', () => {
    const watched = new Watched(1.5 * OWN_END);
    watched.insert(LOW_PAGES + 1000, 100);
    watched.insert(OWN_END + 5000, 50_000);
    expect([100, 101, 50_000].map((pages) => watched.index.find(pages))).toEqual(
      Array(3).fill(OWN_END + 5000),
    );
    expect(watched.index.findAligned(64, 64)).toBe(OWN_END + 5000);
    watched.insert(1000, 120);
    expect(watched.index.find(100)).toBe(1000);
    watched.remove(1000);
    watched.remove(OWN_END + 5000);
    expect([watched.index.find(100), watched.index.findAligned(8, 8)]).toEqual(
      Array(2).fill(LOW_PAGES + 1000),
    );
  });

  test('the extent across 4 GiB counts as what it has behind, then as what it has before, then as a whole', () => {
    const watched = new Watched(1.5 * OWN_END);
    watched.insert(OWN_END - 100, 300);
    watched.insert(LOW_PAGES + 1000, 200);
    watched.insert(LOW_PAGES + 2000, 250);
    const find = (pages: number): number => watched.index.find(pages);
    const across = OWN_END - 100;
    const beside = LOW_PAGES + 2000;
    expect([150, 200, 201, 250, 251, 300, 301].map(find)).toEqual([
      across,
      across,
      beside,
      beside,
      across,
      across,
      0,
    ]);
    expect(watched.index.longest()).toBe(OWN_END - 100);
    expect(watched.index.findBelow(90, OWN_END)).toBe(OWN_END - 100); // the tightest
    expect(watched.index.findBelow(260, OWN_END)).toBe(0);
    expect(watched.index.findBelow(260, 2 * OWN_END)).toBe(OWN_END - 100);
    watched.remove(LOW_PAGES + 1000);
    watched.remove(LOW_PAGES + 2000);
    expect([...[99, 100, 250].map(find), watched.index.findAligned(128, 128)]).toEqual(
      Array(4).fill(OWN_END - 100),
    );
  });

  test('an extent across both ends is found for each part of it', () => {
    const watched = new Watched(1.5 * OWN_END);
    watched.insert(LOW_PAGES - 10, OWN_END - LOW_PAGES + 30);
    const all = [1, 10, 11, 20, 21, 1000, OWN_END - LOW_PAGES + 30].map((pages) => watched.index.find(pages));
    expect(all).toEqual(Array(7).fill(LOW_PAGES - 10));
    expect(watched.index.findBelow(5000, OWN_END)).toBe(LOW_PAGES - 10);
    watched.remove(LOW_PAGES - 10);
    expect([watched.index.find(1), watched.index.longest()]).toEqual([0, 0]);
    expect(watched.i32.every((word) => word === 0)).toBe(true);
  });

  test('to look for pages that can be states takes no look behind 4 GiB', () => {
    const watched = new Watched(1.5 * OWN_END);
    for (let i = 0; i < 1000; i++) watched.insert(OWN_END + 10 * i, 5);
    const next = jest.spyOn(watched.pageMap, 'next');
    expect(watched.index.findBelow(1, OWN_END)).toBe(0);
    expect(next).not.toHaveBeenCalled();
  });
});

test('100,000 low extents that are too short cost a search nothing', () => {
  const watched = new Watched(1.5 * LOW_PAGES);
  for (let i = 1; i <= 100_000; i++) watched.insert(4 * i, 3);
  watched.insert(LOW_PAGES + 1000, 500);
  const next = jest.spyOn(watched.pageMap, 'next');
  const { index } = watched;
  expect([
    index.find(4),
    index.findAligned(4, 4),
    index.findBelow(4, 2 * LOW_PAGES),
    index.longest(),
  ]).toEqual(Array(4).fill(LOW_PAGES + 1000));
  expect(index.find(3) as number).toBeLessThan(LOW_PAGES);
  expect(next).not.toHaveBeenCalled();
});
