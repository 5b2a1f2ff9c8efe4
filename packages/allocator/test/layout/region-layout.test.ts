import { MAX_REGION, MIN_REGION } from '@vmem-ts/allocator';
import { MAX_SLOTS } from '#src/layout/block-state';
import { MAX_PAGES, PageRecord } from '#src/layout/page-map';
import {
  Bin,
  Calls,
  Extents,
  FreeIndex,
  Identity,
  MAX_CLASSES,
  PAGE_MAP_WORD,
  Slot,
  binAt,
  firstDataPageFor,
  slotAt,
  emptyMapPages,
  isPlausibleMap,
  mapPagesOf,
  recordsIn,
} from '#src/layout/region-layout';

test('the null page and the tables follow each other without overlap', () => {
  const table = (name: string, start: number, end: number) => ({ name, start, end });
  const tables = [
    table('null page', 0, 1024),
    table('identity', Identity.start, Identity.end),
    table('calls', Calls.deaths, Calls.standstill + 2),
    table('extent lock', Extents.lock, Extents.lock + 2),
    table('counters', Extents.counters, Extents.acrossOwn + 1),
    ...[Extents.low, Extents.own, Extents.high].flatMap((index) => [
      table('bitmap summary', index + FreeIndex.summary, index + FreeIndex.summary + 1),
      table('bitmap', index + FreeIndex.bitmap, index + FreeIndex.bitmap + Math.ceil(FreeIndex.lists / 32)),
      table('free lists', index + FreeIndex.heads, index + FreeIndex.words),
    ]),
    table('state page lists', Extents.statePageHeads, Extents.end),
    table('bins', binAt(0), binAt(MAX_CLASSES)),
    table('slots', slotAt(0), slotAt(MAX_SLOTS)),
    table('page map', PAGE_MAP_WORD, PAGE_MAP_WORD + 64 * PageRecord.words),
  ];
  for (const [i, { name, start, end }] of tables.entries()) {
    expect(end).toBeGreaterThan(start);
    if (i > 0) expect({ name, start }).toEqual({ name, start: Math.max(start, tables[i - 1].end) });
  }
});

test('fields of a record stay inside it', () => {
  expect(Bin.sharingScore).toBeLessThan(Bin.words);
  expect(Slot.gate + 1).toBeLessThan(Slot.words);
  expect(PageRecord.previous).toBeLessThan(PageRecord.words);
});

test('the largest region has room below 4 GiB for states, behind its page map, and fits a tag', () => {
  const pages = MAX_REGION / 4096;
  expect(2 ** 20 - firstDataPageFor(pages)).toBeGreaterThan(2 ** 18);
  expect(pages).toBeLessThanOrEqual(MAX_PAGES);
});

test('locks of different bins lie on different cache lines', () => {
  expect(binAt(1) - binAt(0)).toBeGreaterThanOrEqual(16);
});

test.each([MIN_REGION / 4096, 1024, 3333, 2 ** 20, MAX_REGION / 4096])(
  'data pages of a region of %p pages begin right behind its page map',
  (pages) => {
    const end = (PAGE_MAP_WORD + pages * PageRecord.words) * 4;
    expect(firstDataPageFor(pages) * 4096).toBeGreaterThanOrEqual(end);
    expect(firstDataPageFor(pages) * 4096 - end).toBeLessThan(4096);
    expect(firstDataPageFor(pages)).toBeLessThan(pages);
  },
);

test('page records of which a part lies behind the mapped pages of the page map do not count', () => {
  for (let mapPages = 1; mapPages <= 300; mapPages++) {
    const records = recordsIn(mapPages);
    expect(records * PageRecord.words * 4).toBeLessThanOrEqual(mapPages * 4096);
    expect((records + 1) * PageRecord.words * 4).toBeGreaterThan(mapPages * 4096);
    expect(mapPagesOf(records)).toBe(mapPages);
    expect(isPlausibleMap(records, 2 ** 17)).toBe(true);
    expect(isPlausibleMap(records, records)).toBe(true);
    for (const other of [records - 1, records + 1]) {
      expect(isPlausibleMap(other, 2 ** 17)).toBe(false);
      expect(isPlausibleMap(other, records)).toBe(false);
    }
  }
  for (const mapped of [0, -1, 2 ** 17 + 1]) expect(isPlausibleMap(mapped, 2 ** 17)).toBe(false);
});

test('pages of the page map that may stay empty lie behind its first, and hold no record of a page with storage', () => {
  for (const pages of [64, 3333, 2 ** 17, 2 ** 22, MAX_REGION / 4096]) {
    const first = firstDataPageFor(pages);
    const skipped = emptyMapPages(first);
    const at = first * PageRecord.words * 4;
    if (at < 4096) expect(skipped).toBe(0);
    else expect(Math.floor(at / 4096)).toBe(1 + skipped); // the next page has the record
  }
});
