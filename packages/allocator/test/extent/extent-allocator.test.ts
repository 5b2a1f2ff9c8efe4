import { asPage, type PageIndex } from '#src/base/units';
import { LOW_PAGES } from '#src/extent/free-extents';
import { PageKind } from '#src/layout/page-map';
import { Extents } from '#src/layout/region-layout';
import type { Extent } from '../support/inner-heap';
import { newParts, type InnerParts } from '../support/inner-parts';
import { randomFor, type Random } from '../support/random';

const SIZE = 4 << 20;

/** What the page map must say: live extents that the test took, free runs between them. */
class PageModel {
  readonly taken = new Map<PageIndex, number>();
  private readonly others: Extent[];

  constructor(readonly parts: InnerParts) {
    this.others = parts.inner.extents().filter(({ kind }) => kind !== PageKind.free);
  }

  /** All extents in the order of addresses, with whatever lies between the used ones as free. */
  expected(): Extent[] {
    const used: Extent[] = [
      ...this.others,
      ...[...this.taken].map(([page, length]) => ({ page, kind: PageKind.large, length })),
    ].sort((one, other) => one.page - other.page);
    const all: Extent[] = [];
    let end = 0;
    const { pages } = this.parts.inner.region;
    for (const extent of [...used, { page: asPage(pages), kind: PageKind.inside, length: 0 }]) {
      if (extent.page < end) throw new Error(`extents overlap at page ${extent.page}`);
      if (extent.page > end) all.push({ page: asPage(end), kind: PageKind.free, length: extent.page - end });
      all.push(extent);
      end = extent.page + extent.length;
    }
    return all.slice(0, -1);
  }

  /** Tiling, merged neighbours, tails, the counter, and that the longest free run can be had. */
  compare(): void {
    const { inner, extents } = this.parts;
    const { pageMap, i32 } = inner;
    const expected = this.expected();
    expect(inner.extents()).toEqual(expected);
    const free = expected.filter(({ kind }) => kind === PageKind.free);
    expect(i32[Extents.freePages]).toBe(free.reduce((sum, { length }) => sum + length, 0));
    for (const { page, length } of free) {
      const last = asPage(page + length - 1);
      const tail = [pageMap.kind(last), pageMap.length(last)];
      expect(tail).toEqual([length === 1 ? PageKind.free : PageKind.freeTail, length]);
    }
    const longest = Math.max(0, ...free.map(({ length }) => length));
    expect((extents.free.find(longest + 1) as number) === 0).toBe(true);
    if (longest > 0) expect(pageMap.length(extents.free.find(longest))).toBe(longest);
  }

  fits(pages: number, alignment: number): boolean {
    return this.expected().some(
      ({ page, kind, length }) =>
        kind === PageKind.free && Math.ceil(page / alignment) * alignment + pages <= page + length,
    );
  }
}

function act(model: PageModel, random: Random): void {
  const { extents, inner } = model.parts;
  const pages = random.size(300) + 1;
  const commit = (page: PageIndex): void => {
    if ((page as number) === 0) return;
    expect(inner.pageMap.kind(page)).toBe(PageKind.pending);
    extents.commit(page, PageKind.large);
    model.taken.set(page, pages);
  };
  if (random.chance(25)) {
    const possible = model.fits(pages, 1);
    const page = random.chance(50) ? extents.take(pages) : extents.takeBelow(pages, inner.region.pages);
    expect((page as number) !== 0).toBe(possible);
    commit(page);
  } else if (random.chance(20)) {
    const alignment = 2 ** random.below(9);
    const possible = model.fits(pages, alignment);
    const page = extents.takeAligned(pages, alignment);
    expect((page as number) !== 0).toBe(possible);
    expect(page % alignment).toBe(0);
    commit(page);
  } else if (model.taken.size > 0) {
    const [page, length] = random.pick([...model.taken]);
    const end = page + length;
    const behind = model.expected().find((extent) => extent.page === end && extent.kind === PageKind.free);
    if (random.chance(30)) {
      const more = random.between(1, 20);
      expect(extents.grow(page, length + more)).toBe(behind !== undefined && behind.length >= more);
      if (behind !== undefined && behind.length >= more) model.taken.set(page, length + more);
    } else if (length > 1 && random.chance(40)) {
      const less = random.between(1, length - 1);
      extents.shrink(page, less);
      model.taken.set(page, less);
    } else {
      extents.release(page);
      model.taken.delete(page);
    }
  }
}

/** A region with 2 MiB behind its low part, in which all but 2 MiB is taken. */
function partsAroundBorder(): InnerParts {
  const parts = newParts(LOW_PAGES * 4096 + SIZE / 2);
  const { extents, inner } = parts;
  const pages = LOW_PAGES - SIZE / 2 / 4096 - inner.region.firstDataPage;
  extents.commit(extents.takeBelow(pages, inner.region.pages), PageKind.large);
  return parts;
}

test.each([
  ['4 MiB', () => newParts(SIZE)],
  ['a low part and more', partsAroundBorder],
])('[PAGE-1] and [PAGE-2] hold through random takes, growth, shrinkage and release in %s', (_, partsOf) => {
  const random = randomFor('extents');
  const model = new PageModel(partsOf());
  model.compare();
  for (let step = 0; step < 700; step++) {
    act(model, random);
    model.compare();
  }
  for (const page of model.taken.keys()) model.parts.extents.release(page);
  model.taken.clear();
  model.compare();
});

test('neighbours are merged whichever is released last', () => {
  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]) {
    const model = new PageModel(newParts(SIZE));
    const { extents } = model.parts;
    const pages = [1, 2, 3].map((length) => {
      const page = extents.take(length);
      extents.commit(page, PageKind.large);
      return page;
    });
    for (const i of order) extents.release(pages[i]);
    model.compare();
    expect(model.expected().filter(({ kind }) => kind === PageKind.free)).toHaveLength(1);
  }
});

test("callers' pages come from the end of a free run, the heap's own from the start", () => {
  const { extents, inner } = newParts(SIZE);
  const run = inner.extentOf(PageKind.free);
  expect(extents.take(3)).toBe(run.page + run.length - 3);
  expect(extents.takeBelow(3, inner.region.pages)).toBe(run.page);
});

test('low pages are handed out while there are any, then the others', () => {
  const { extents, inner } = newParts(3 * 2 ** 30);
  const taken = Array.from({ length: 70 }, (_, i) =>
    i % 2 === 0 ? extents.take(10_000) : extents.takeBelow(10_000, inner.region.pages),
  );
  const below = taken.findIndex((page) => page + 10_000 > LOW_PAGES);
  expect(below).toBeGreaterThanOrEqual(44);
  expect(taken.slice(below).every((page) => page >= LOW_PAGES)).toBe(true);
});

test('a taken extent is pending until it is committed, and may be released instead', () => {
  const model = new PageModel(newParts(SIZE));
  const { extents, inner } = model.parts;
  const page = extents.take(5);
  expect([inner.pageMap.kind(page), inner.pageMap.length(page)]).toEqual([PageKind.pending, 5]);
  extents.release(page);
  model.compare();
});

test('an extent cannot grow into one in use, past the end, or by more than is free', () => {
  const { extents, inner } = newParts(SIZE);
  const last = extents.take(2);
  extents.commit(last, PageKind.large);
  const before = extents.take(2);
  extents.commit(before, PageKind.large);
  const low = extents.takeBelow(2, inner.region.pages);
  extents.commit(low, PageKind.large);
  const free = inner.extentOf(PageKind.free).length;
  expect(extents.grow(before, 3)).toBe(false);
  expect(extents.grow(last, 3)).toBe(false);
  expect(extents.grow(low, 2 + free + 1)).toBe(false);
  expect(extents.grow(low, 2 + free)).toBe(true);
  expect(inner.extents().some(({ kind }) => kind === PageKind.free)).toBe(false);
});
