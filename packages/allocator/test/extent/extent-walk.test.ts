import { asPage } from '#src/base/units';
import { extentEndingAt, extentLength, walkExtents } from '#src/extent/extent-walk';
import { PageKind, PageMap, PageRecord } from '#src/layout/page-map';
import { codeOf } from '../support/thrown';

/** A map of 12 pages: 3 reserved, 2 of a slab, 7 free. */
function newMap(): PageMap {
  const pageMap = new PageMap(new Int32Array(12 * PageRecord.words), 12);
  pageMap.setTag(asPage(0), PageKind.reserved, 3);
  pageMap.setTag(asPage(3), PageKind.slab, 2);
  pageMap.setTag(asPage(5), PageKind.free, 7);
  pageMap.setTag(asPage(11), PageKind.freeTail, 7);
  return pageMap;
}

const walk = (pageMap: PageMap): number[][] => {
  const seen: number[][] = [];
  walkExtents(pageMap, (page, kind, length) => seen.push([page, kind, length]));
  return seen;
};

test('every extent is visited once, in the order of addresses', () => {
  expect(walk(newMap())).toEqual([
    [0, PageKind.reserved, 3],
    [3, PageKind.slab, 2],
    [5, PageKind.free, 7],
  ]);
});

test.each<[string, number, number, number]>([
  ['no extent begins at a page', 3, PageKind.inside, 0],
  ['a tail stands where an extent should begin', 3, PageKind.freeTail, 2],
  ['a kind is not known', 3, 15, 2],
  ['a length is 0', 3, PageKind.slab, 0],
  ['the last extent reaches past the end', 5, PageKind.free, 8],
  ['a length leads into the middle of an extent', 3, PageKind.slab, 3],
])('[PAGE-1] is missed where %s', (_, page, kind, length) => {
  const pageMap = newMap();
  pageMap.setTag(asPage(page), kind, length);
  expect(() => walk(pageMap)).toThrow(
    expect.objectContaining({ code: 'ECORRUPT', message: expect.stringContaining('[PAGE-1]') as string }),
  );
});

test('the length of an extent is believed if another one begins behind it, or the region ends', () => {
  const pageMap = newMap();
  expect([3, 5].map((page) => extentLength(pageMap, asPage(page)))).toEqual([2, 7]);
  for (const length of [0, 1, 3, 8, 10, 2 ** 27]) {
    pageMap.setTag(asPage(3), PageKind.slab, length);
    expect(codeOf(() => extentLength(pageMap, asPage(3)))).toBe('ECORRUPT');
  }
});

test('the first page of an extent is believed if its tag says what that of the last one says', () => {
  const first = (pageMap: PageMap): number => extentEndingAt(pageMap, asPage(11), PageKind.free);
  expect(first(newMap())).toBe(5);
  for (const length of [0, 6, 8, 12, 13, 2 ** 27]) {
    const pageMap = newMap();
    pageMap.setTag(asPage(11), PageKind.freeTail, length);
    expect(codeOf(() => first(pageMap))).toBe('ECORRUPT');
  }
});
