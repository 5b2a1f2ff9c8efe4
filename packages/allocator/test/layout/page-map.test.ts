import { asPage, type LineIndex } from '#src/base/units';
import { MAX_PAGES, PageKind, PageMap, PageRecord, Sharing, SlabWord } from '#src/layout/page-map';

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

function expectBlank({ words }: PageMap, page: number): void {
  const start = page * PageRecord.words;
  expect([...words.subarray(start, start + PageRecord.words)]).toEqual(Array(PageRecord.words).fill(0));
}

test.each(KINDS)('a tag of kind %p keeps its kind and every length', (kind) => {
  const pageMap = newMap();
  for (const length of [0, 1, 4095, 2 ** 27, MAX_PAGES]) {
    pageMap.setTag(asPage(2), kind, length);
    expect([pageMap.kind(asPage(2)), pageMap.length(asPage(2))]).toEqual([kind, length]);
  }
});

test('what is written for a page of a slab is read again, and stands on no other page', () => {
  const pageMap = newMap();
  const page = asPage(1);
  pageMap.setTag(page, PageKind.slab, 3);
  pageMap.setStateLine(page, 77 as LineIndex);
  pageMap.publishClass(page, 0, 4096, false);
  pageMap.setCounts(page, 512, 511);
  pageMap.setNext(page, asPage(2));
  pageMap.setPrevious(page, asPage(3));
  expect(pageMap).toMatchObject({ pages: 4 });
  expect([pageMap.kind(page), pageMap.length(page)]).toEqual([PageKind.slab, 3]);
  expect([pageMap.sizeClass(page), pageMap.pageOffset(page), pageMap.stateLine(page)]).toEqual([0, 4096, 77]);
  expect([pageMap.freeBlocks(page), pageMap.searchStart(page)]).toEqual([512, 511]);
  expect([pageMap.next(page), pageMap.previous(page)]).toEqual([2, 3]);
  for (const other of [0, 2, 3]) expectBlank(pageMap, other);
});

test('what is written for a page of states is read again, and makes it no page of a slab', () => {
  const pageMap = newMap();
  const page = asPage(1);
  for (const lines of [1, 8, 15]) {
    pageMap.setTag(page, PageKind.states, 1);
    pageMap.setRunLength(page, lines);
    pageMap.setFreeRunsLow(page, -1);
    pageMap.setFreeRunsHigh(page, 5);
    pageMap.setNext(page, asPage(2));
    pageMap.setPrevious(page, asPage(3));
    expect([pageMap.runLength(page), pageMap.freeRunsLow(page), pageMap.freeRunsHigh(page)]).toEqual([
      lines,
      -1,
      5,
    ]);
    expect([pageMap.next(page), pageMap.previous(page)]).toEqual([2, 3]);
    expect([pageMap.sizeClass(page), pageMap.isBare(page)]).toEqual([-1, false]);
    expect(pageMap.words[PageRecord.words + PageRecord.division]).toBeLessThan(SlabWord.slab);
  }
  for (const other of [0, 2, 3]) expectBlank(pageMap, other);
});

test('a page that is no slab page has no class, nor one whose class was withdrawn', () => {
  const pageMap = newMap();
  const page = asPage(1);
  expect([pageMap.sizeClass(page), pageMap.isBare(page)]).toEqual([-1, true]);
  pageMap.publishClass(page, 4, 4096, true);
  expect([pageMap.sizeClass(page), pageMap.isBare(page)]).toEqual([4, false]);
  pageMap.withdrawClass(page, 1);
  expectBlank(pageMap, page);
});

test('a page is recognized as that of one slab, and of no other', () => {
  const pageMap = newMap();
  const page = asPage(1);
  pageMap.publishClass(page, 4, 8192, true);
  expect(pageMap.isOfSlab(page, 4, 8192, Sharing.shared)).toBe(true);
  expect(pageMap.isOfSlab(page, 5, 8192, Sharing.shared)).toBe(false);
  expect(pageMap.isOfSlab(page, 4, 4096, Sharing.shared)).toBe(false);
  expect(pageMap.isOfSlab(page, 4, 8192, Sharing.exclusive)).toBe(false);
  expect(pageMap.isOfSlab(page, 4, 8192, Sharing.onTheWay)).toBe(false);
  pageMap.words[PageRecord.words + PageRecord.division] |= 1 << 20;
  expect(pageMap.isOfSlab(page, 4, 8192, Sharing.shared)).toBe(false);
});

test.each([0, 1, 57, 95])('a page of class %p keeps its class however its blocks are freed', (sizeClass) => {
  const pageMap = newMap();
  const page = asPage(1);
  const words = new Set<number>();
  for (const begins of [false, true]) {
    pageMap.publishClass(page, sizeClass, 61440, begins);
    expect(pageMap.sharing(page)).toBe(begins ? Sharing.shared : Sharing.exclusive);
    for (const sharing of [Sharing.exclusive, Sharing.onTheWay, Sharing.shared]) {
      pageMap.setSharing(page, sharing);
      expect([pageMap.sizeClass(page), pageMap.sharing(page)]).toEqual([sizeClass, sharing]);
      expect(pageMap.pageOffset(page)).toBe(61440);
      words.add(pageMap.words[PageRecord.words + PageRecord.division]);
    }
  }
  expect(words.size).toBe(3);
});

test('a page whose class was withdrawn is none of a class, and keeps its states', () => {
  const pageMap = newMap();
  for (const isShared of [false, true]) {
    pageMap.setStateLine(asPage(1), 9 as LineIndex);
    pageMap.publishClass(asPage(1), 4, 4096, isShared);
    pageMap.withdrawClass(asPage(1), 1);
    expect([pageMap.sizeClass(asPage(1)), pageMap.stateLine(asPage(1))]).toEqual([-1, 9]);
  }
});
