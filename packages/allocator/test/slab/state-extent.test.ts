import { NULL_PAGE, asPage, lineToPage, pageToLine, type LineIndex } from '#src/base/units';
import { PageKind } from '#src/layout/page-map';
import { MAX_STATE_LINES } from '#src/slab/size-classes';
import {
  MAX_STATE_PAGES,
  NO_RUN,
  allFree,
  firstLineOf,
  firstStatePage,
  isDenserWhenLong,
  isFreeIn,
  runBeginningAt,
  runsOfPage,
  without,
} from '#src/slab/state-extent';
import { newParts } from '../support/inner-parts';

const RUN_LENGTHS = Array.from({ length: MAX_STATE_LINES }, (_, i) => i + 1);

const bitmap = (runs: number): bigint => {
  const [low, high] = allFree(runs);
  return (BigInt.asUintN(32, BigInt(high)) << 32n) | BigInt.asUintN(32, BigInt(low));
};

test.each([1, 7, 8, 31, 32, 33, 63])(
  'the bitmap of %p free runs has that many bits, lowest first',
  (runs) => {
    expect(bitmap(runs)).toBe(2n ** BigInt(runs) - 1n);
  },
);

test('a run that is taken out of a bitmap is not free in it, all others are', () => {
  const runs = Array.from({ length: 63 }, (_, i) => i);
  for (const taken of runs) {
    const rest = without(allFree(63), taken);
    expect(runs.filter((run) => !isFreeIn(rest, run))).toEqual([taken]);
    expect(isFreeIn(rest, NO_RUN)).toBe(false);
  }
});

describe.each(RUN_LENGTHS)('a page with runs of %p lines', (lines) => {
  test('has as many as fit, behind the redzone if it is the first', () => {
    for (const [isFirst, room] of [
      [true, 63],
      [false, 64],
    ] as const) {
      expect(runsOfPage(lines, isFirst) * lines).toBeLessThanOrEqual(room);
      expect((runsOfPage(lines, isFirst) + 1) * lines).toBeGreaterThan(room);
    }
  });

  test('has a bit for each', () => {
    for (const isFirst of isDenserWhenLong(lines) ? [true, false] : [true]) {
      const runs = runsOfPage(lines, isFirst);
      expect(runs).toBeLessThanOrEqual(63);
      expect(bitmap(runs)).toBe(2n ** BigInt(runs) - 1n);
    }
  });

  test('has a run where one begins, and nowhere else', () => {
    const first = asPage(40);
    for (const page of [first, asPage(41)]) {
      const runs: number[] = [];
      for (let i = 0; i < 64; i++) {
        const run = runBeginningAt((pageToLine(page) + i) as LineIndex, first, lines);
        if (run === NO_RUN) continue;
        expect(i).toBe(firstLineOf(page, page === first) - pageToLine(page) + run * lines);
        runs.push(run);
      }
      expect(runs).toEqual(Array.from({ length: runsOfPage(lines, page === first) }, (_, i) => i));
    }
  });
});

test('runs of 4 and of 8 lines are denser in long extents', () => {
  expect(RUN_LENGTHS.filter(isDenserWhenLong)).toEqual(expect.arrayContaining([4, 8]));
  expect([1, 2, 3].filter(isDenserWhenLong)).toEqual([]);
});

test('the first page of an extent of states is found from each of its pages, and from no other page', () => {
  const { extents, inner } = newParts(1 << 20);
  const { pageMap } = inner;
  const length = MAX_STATE_PAGES;
  const before = extents.takeBelow(3, inner.region.pages);
  extents.commit(before, PageKind.large);
  const first = extents.takeBelow(length, inner.region.pages);
  extents.commit(first, PageKind.states);
  for (let page = 0; page < pageMap.pages; page++) {
    const isInside = page >= first && page < first + length;
    expect(firstStatePage(pageMap, asPage(page))).toBe(isInside ? first : NULL_PAGE);
  }
  for (const page of [-1, pageMap.pages, 2 ** 30, -(2 ** 31)])
    expect(firstStatePage(pageMap, asPage(page))).toBe(NULL_PAGE);
  expect(lineToPage(firstLineOf(first, true))).toBe(first);
});
