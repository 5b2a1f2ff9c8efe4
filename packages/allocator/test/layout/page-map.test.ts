import { asPage, type LineIndex } from '#src/base/units';
import { MAX_PAGES, PageKind, PageMap, PageRecord, Sharing } from '#src/layout/page-map';

const KINDS = [
  PageKind.inside,
  PageKind.free,
  PageKind.freeTail,
  PageKind.reserved,
  PageKind.large,
  PageKind.slab,
  PageKind.states,
  PageKind.cache,
  PageKind.pending,
];

function newMap(): PageMap {
  return new PageMap(new Int32Array(4 * PageRecord.words), 4);
}

test.each(KINDS)('a tag of kind %p keeps its kind and every length', (kind) => {
  const pageMap = newMap();
  for (const length of [0, 1, 4095, 2 ** 27, MAX_PAGES]) {
    pageMap.setTag(asPage(2), kind, length);
    expect([pageMap.kind(asPage(2)), pageMap.length(asPage(2))]).toEqual([kind, length]);
  }
});

test('each field is a word of its own, of its own page', () => {
  const pageMap = newMap();
  const page = asPage(1);
  pageMap.setTag(page, PageKind.slab, 3);
  pageMap.describeSlabPage(page, 4096, 77 as LineIndex);
  pageMap.publishClass(page, 0, false);
  pageMap.setA(page, -1);
  pageMap.setB(page, 5);
  pageMap.setNext(page, asPage(2));
  pageMap.setPrevious(page, asPage(3));
  expect(pageMap).toMatchObject({ pages: 4 });
  expect([pageMap.sizeClass(page), pageMap.pageOffset(page), pageMap.stateLine(page)]).toEqual([0, 4096, 77]);
  expect([pageMap.a(page), pageMap.b(page), pageMap.next(page), pageMap.previous(page)]).toEqual([
    -1, 5, 2, 3,
  ]);
  for (const other of [0, 2, 3]) {
    const start = other * PageRecord.words;
    expect([...pageMap.words.subarray(start, start + PageRecord.words)]).toEqual(Array(8).fill(0));
  }
});

test('a page that is no slab page has no class, nor one that was cleared', () => {
  const pageMap = newMap();
  expect(pageMap.sizeClass(asPage(1))).toBe(-1);
  pageMap.describeSlabPage(asPage(1), 4096, 9 as LineIndex);
  pageMap.publishClass(asPage(1), 4, true);
  pageMap.clearSlabPage(asPage(1));
  expect(pageMap.sizeClass(asPage(1))).toBe(-1);
  expect(pageMap.words.every((word) => word === 0)).toBe(true);
});

test.each([0, 1, 57, 95])('a page of class %p keeps its class however its blocks are freed', (sizeClass) => {
  const pageMap = newMap();
  const page = asPage(1);
  const words = new Set<number>();
  for (const begins of [false, true]) {
    pageMap.describeSlabPage(page, 0, 9 as LineIndex);
    pageMap.publishClass(page, sizeClass, begins);
    expect(pageMap.sharing(page)).toBe(begins ? Sharing.shared : Sharing.exclusive);
    for (const sharing of [Sharing.exclusive, Sharing.onTheWay, Sharing.shared]) {
      pageMap.setSharing(page, sharing);
      expect([pageMap.sizeClass(page), pageMap.sharing(page)]).toEqual([sizeClass, sharing]);
      words.add(pageMap.words[PageRecord.words + PageRecord.sizeClass]);
    }
  }
  expect(words.size).toBe(3);
});

test('a page whose class was withdrawn is none of a class, and keeps its states', () => {
  const pageMap = newMap();
  for (const isShared of [false, true]) {
    pageMap.describeSlabPage(asPage(1), 4096, 9 as LineIndex);
    pageMap.publishClass(asPage(1), 4, isShared);
    pageMap.withdrawClass(asPage(1));
    expect([pageMap.sizeClass(asPage(1)), pageMap.stateLine(asPage(1))]).toEqual([-1, 9]);
  }
});
