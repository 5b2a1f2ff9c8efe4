import { NULL_PAGE, lineToOffset, lineToPage, type LineIndex, type PageIndex } from '#src/base/units';
import { PageKind } from '#src/layout/page-map';
import { Extents } from '#src/layout/region-layout';
import { MAX_STATE_LINES } from '#src/slab/size-classes';
import {
  MAX_STATE_PAGES,
  REDZONE_BYTE,
  firstStatePage,
  isDenserWhenLong,
  runsOfPage,
} from '#src/slab/state-extent';
import { newParts, type InnerParts } from '../support/inner-parts';
import { randomFor } from '../support/random';

const RUN_LENGTHS = Array.from({ length: MAX_STATE_LINES }, (_, i) => i + 1);

test('a run is zeros, whatever its place held', () => {
  const { inner, states } = newParts(1 << 20);
  const line = states.take(2, 0);
  inner.u8.fill(0xee, lineToOffset(line), lineToOffset(line) + 128);
  states.release(line, 2);
  const again = states.take(2, 0);
  expect(inner.u8.subarray(lineToOffset(again), lineToOffset(again) + 128).every((byte) => byte === 0)).toBe(
    true,
  );
});

test('a state page begins with an intact redzone', () => {
  const { inner, states } = newParts(1 << 20);
  const page = lineToPage(states.take(1, 0));
  expect(inner.pageMap.kind(page)).toBe(PageKind.states);
  expect(new Set(inner.u8.subarray(page * 4096, page * 4096 + 64))).toEqual(new Set([REDZONE_BYTE]));
});

test.each(RUN_LENGTHS)(
  'all runs of %p lines of the first page are different and behind the redzone',
  (lines) => {
    const { states } = newParts(1 << 20);
    const taken = Array.from({ length: runsOfPage(lines, true) }, () => states.take(lines, 0));
    const page = lineToPage(taken[0]);
    const covered = new Set(taken.flatMap((line) => Array.from({ length: lines }, (_, i) => line + i)));
    expect(covered.size).toBe(runsOfPage(lines, true) * lines);
    expect(Math.min(...covered)).toBeGreaterThan(page * 64);
    expect(Math.max(...covered)).toBeLessThan((page + 1) * 64);
    expect(lineToPage(states.take(lines, 0))).not.toBe(page);
  },
);

describe.each(RUN_LENGTHS.filter(isDenserWhenLong))('where there are many runs of %p lines', (lines) => {
  const SIZE = 16 << 20;
  const lengthsOf = ({ inner }: InnerParts): number[] =>
    inner.extents().flatMap(({ kind, length }) => (kind === PageKind.states ? [length] : []));
  /** As for a class that has `before` slabs, and gets more. */
  const takeMany = ({ states }: InnerParts, count: number, before = 0): LineIndex[] =>
    Array.from({ length: count }, (_, i) => states.take(lines, before + i));

  test('extents of states become longer, but for one page each has as many runs as its lines can hold', () => {
    const parts = newParts(SIZE);
    const taken = takeMany(parts, 5000);
    const lengths = lengthsOf(parts);
    expect(lengths.slice(0, 3)).toEqual([1, 1, 1]);
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
    expect(lengths.at(-1)).toBe(MAX_STATE_PAGES);
    const pages = lengths.reduce((a, b) => a + b);
    expect(parts.inner.i32[Extents.statePages]).toBe(pages);
    const room = pages * (64 / lines) - lengths.length;
    expect(room).toBeGreaterThanOrEqual(taken.length);
    expect(room - taken.length).toBeLessThan(MAX_STATE_PAGES * (64 / lines));
    expect(new Set(taken).size).toBe(taken.length);
  });

  test('all of an extent is behind its redzone, which stays as it is', () => {
    const parts = newParts(SIZE);
    const { inner } = parts;
    for (const line of takeMany(parts, 2000))
      inner.u8.fill(0xff, lineToOffset(line), lineToOffset(line) + lines * 64);
    for (const { page, kind } of inner.extents()) {
      if (kind !== PageKind.states) continue;
      expect(new Set(inner.u8.subarray(page * 4096, page * 4096 + 64))).toEqual(new Set([REDZONE_BYTE]));
    }
  });

  test('an extent stays as long as one of its runs is taken, whichever, and is whole again then', () => {
    const parts = newParts(SIZE);
    const { inner, states } = parts;
    const freePages = inner.i32[Extents.freePages];
    const random = randomFor('state extents');
    const taken = takeMany(parts, 2000);
    const kept = new Map(taken.map((line) => [firstStatePage(inner.pageMap, lineToPage(line)), line]));
    const isKept = new Set<number>(kept.values());
    for (const line of random.shuffle([...taken]))
      if (!isKept.has(line)) states.release(line as LineIndex, lines);
    expect(lengthsOf(parts)).toHaveLength(kept.size);
    const [last] = [...kept.values()].slice(-1);
    const again = states.take(lines, 2000);
    expect(kept.has(firstStatePage(inner.pageMap, lineToPage(again)))).toBe(true);
    for (const line of [again, ...kept.values()]) states.release(line, lines);
    expect(() => states.release(last, lines)).toThrow(expect.objectContaining({ code: 'ECORRUPT' }));
    expect(inner.i32[Extents.statePages]).toBe(0);
    expect(inner.i32[Extents.freePages]).toBe(freePages);
  });

  test('where no long extent fits, one page does', () => {
    const parts = newParts(SIZE);
    const { inner, extents } = parts;
    takeMany(parts, 300);
    const single = takeEverySecondPage(parts);
    const pages = inner.i32[Extents.statePages];
    const extentsBefore = lengthsOf(parts).length;
    while (lengthsOf(parts).length === extentsBefore) takeMany(parts, 1, 1000);
    expect(inner.i32[Extents.freePages]).toBeGreaterThan(100);
    expect(inner.i32[Extents.statePages]).toBe(pages + 1);
    for (const page of single) extents.release(page);
  });
});

/** Leaves no two free pages side by side. */
function takeEverySecondPage({ inner, extents }: InnerParts): PageIndex[] {
  const taken: PageIndex[] = [];
  for (;;) {
    const page = extents.takeBelow(1, inner.region.pages);
    if (page === NULL_PAGE) break;
    extents.commit(page, PageKind.large);
    taken.push(page);
  }
  for (let i = 0; i < taken.length; i += 2) extents.release(taken[i]);
  return taken.filter((_, i) => i % 2 === 1);
}

test('runs taken and released at random never overlap, and all pages come back', () => {
  const random = randomFor('state store');
  const { inner, states } = newParts(256 * 1024);
  const freePages = inner.i32[Extents.freePages];
  const taken = new Map<LineIndex, number>();
  const lineOwner = new Map<number, LineIndex>();
  for (let step = 0; step < 20_000; step++) {
    if (random.chance(step % 2000 < 1000 ? 60 : 40)) {
      const lines = random.pick(RUN_LENGTHS);
      const line = states.take(lines, 0);
      if ((line as number) === 0) continue;
      taken.set(line, lines);
      for (let i = 0; i < lines; i++) {
        expect(lineOwner.has(line + i)).toBe(false);
        lineOwner.set(line + i, line);
      }
    } else if (taken.size > 0) {
      const [line, lines] = random.pick([...taken]);
      states.release(line, lines);
      taken.delete(line);
      for (let i = 0; i < lines; i++) lineOwner.delete(line + i);
    }
  }
  for (const [line, lines] of taken) states.release(line, lines);
  expect(inner.i32[Extents.statePages]).toBe(0);
  expect(inner.i32[Extents.freePages]).toBe(freePages);
});

test('a region without a free page gives no run', () => {
  const { inner, extents, states } = newParts(256 * 1024);
  for (let i = 0; i < 100 && (extents.takeBelow(1, inner.region.pages) as number) !== 0; i++);
  expect(states.take(1, 0)).toBe(0);
  expect(inner.i32[Extents.statePages]).toBe(0);
});

test('[STORE-3] a page that is listed without a free run gives none', () => {
  const { inner, states } = newParts(1 << 20);
  const page = lineToPage(states.take(1, 0));
  inner.pageMap.setFreeRunsLow(page, 0);
  inner.pageMap.setFreeRunsHigh(page, 0);
  expect(() => states.take(1, 1)).toThrow('[STORE-3]');
});
