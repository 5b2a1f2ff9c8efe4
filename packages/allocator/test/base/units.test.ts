import {
  LINES_PER_PAGE,
  LINE_SIZE,
  PAGE_SIZE,
  asPage,
  lineToOffset,
  lineToPage,
  offsetToPage,
  pageToLine,
  pageToOffset,
  pageToWord,
  pagesFor,
} from '#src/base/units';

const OFFSETS = [0, 1, 4095, 4096, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 4097, 2 ** 40 - 1];

test.each(OFFSETS)('offset %p lies in its page', (offset) => {
  const page = offsetToPage(offset);
  expect(pageToOffset(page)).toBeLessThanOrEqual(offset);
  expect(offset - pageToOffset(page)).toBeLessThan(PAGE_SIZE);
});

test.each(OFFSETS)('%p bytes need that many pages', (bytes) => {
  const pages = pagesFor(bytes);
  expect(pages * PAGE_SIZE).toBeGreaterThanOrEqual(bytes);
  expect((pages - 1) * PAGE_SIZE).toBeLessThan(bytes === 0 ? 1 : bytes);
});

test.each([0, 1, 2 ** 19, 2 ** 20, 2 ** 22])('lines and words of page %p begin where it begins', (n) => {
  const page = asPage(n);
  expect(lineToOffset(pageToLine(page))).toBe(pageToOffset(page));
  expect(lineToPage(pageToLine(page))).toBe(page);
  expect(pageToWord(page) * 4).toBe(pageToOffset(page));
  expect(LINES_PER_PAGE * LINE_SIZE).toBe(PAGE_SIZE);
});
