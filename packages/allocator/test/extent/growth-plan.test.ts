import { asPage, type PageIndex } from '#src/base/units';
import { planGrowth, type GrowthStep } from '#src/extent/growth-plan';
import { PageKind } from '#src/layout/page-map';
import { newParts, type InnerParts } from '../support/inner-parts';
import { randomFor, type Random } from '../support/random';

const PIECES = 60;

/** Pages that are taken, free and without storage by turns, in lengths of 1 to `longest`. */
function patchwork(random: Random, longest: number): InnerParts {
  const parts = newParts(4 << 20);
  const { extents } = parts;
  const pieces: PageIndex[] = [];
  for (let i = 0; i < PIECES; i++) {
    const page = extents.take(random.between(1, longest));
    if (page === 0) break;
    extents.commit(page, PageKind.large);
    pieces.push(page);
  }
  const rest = extents.free.longest();
  if (rest !== 0) extents.commit(extents.take(parts.inner.pageMap.length(rest)), PageKind.large);
  const kinds = pieces.map(() => random.pick(['taken', 'free', 'unbacked', 'unbacked']));
  // no free neighbours yet, with which these would merge
  for (const [i, page] of pieces.entries()) {
    if (kinds[i] !== 'unbacked') continue;
    extents.release(page);
    extents.withdraw(page);
    extents.unbacked.join(page);
  }
  for (const [i, page] of pieces.entries()) if (kinds[i] === 'free') extents.release(page);
  return parts;
}

/** The runs of free and unbacked pages: from, to. */
function runsOf({ inner }: InnerParts): [number, number][] {
  const runs: [number, number][] = [];
  for (const { page, kind, length } of inner.extents()) {
    if (kind !== PageKind.free && kind !== PageKind.unbacked) continue;
    const last = runs.at(-1);
    if (last?.[1] === page) last[1] += length;
    else runs.push([page, page + length]);
  }
  return runs;
}

/** Whether the steps lie in extents without storage, one after another, and what they need makes a place for the pages. */
function leavesRoom(parts: InnerParts, steps: GrowthStep[], pages: number, alignment: number): boolean {
  const { extents, inner } = parts;
  const has = new Set<number>();
  for (const { page, kind, length } of inner.extents())
    if (kind === PageKind.free) for (let i = 0; i < length; i++) has.add(page + i);
  for (const { page, least, most } of steps) {
    if (least <= 0 || most < least) return false;
    if (extents.unbacked.around(page, most) === 0) return false;
    for (let i = 0; i < least; i++) has.add(page + i);
  }
  for (let from = 0; from + pages <= inner.region.pages; from += alignment) {
    let count = 0;
    while (count < pages && has.has(from + count)) count++;
    if (count === pages) return true;
  }
  return false;
}

const fitIn = ([from, to]: [number, number], pages: number, alignment: number): boolean =>
  Math.ceil(from / alignment) * alignment + pages <= to;

test('there is a plan exactly where free pages and those without storage make a place, and each leaves room there', () => {
  const random = randomFor('growth plans');
  let [none, one, several] = [0, 0, 0];
  for (let i = 0; i < 300; i++) {
    const parts = patchwork(random, random.pick([3, 12]));
    const runs = runsOf(parts);
    for (let j = 0; j < 20; j++) {
      const pages = random.between(1, 40);
      const alignment = random.pick([1, 1, 2, 8]);
      if (parts.extents.free.findAligned(pages, alignment) !== asPage(0)) continue;
      const plans = planGrowth(parts.inner.region, parts.extents, pages, alignment);
      const used = plans.filter((steps) => steps.length > 0);
      const places = runs.filter((run) => fitIn(run, pages, alignment));
      expect(used.length > 0).toBe(places.length > 0);
      for (const steps of used) expect(leavesRoom(parts, steps, pages, alignment)).toBe(true);
      if (used.length === 0) none++;
      else if (used[0].length === 1) one++;
      else {
        several++;
        // the first such place
        const { page, least } = used[0].at(-1)!;
        expect(page + least).toBeLessThanOrEqual(places[0][1]);
      }
    }
  }
  expect(Math.min(none, one, several)).toBeGreaterThan(50);
});

test('a run with a hole behind each free page is looked at once', () => {
  const parts = newParts(8 << 20);
  const { extents, inner } = parts;
  const pieces: PageIndex[] = [];
  for (let page = extents.take(1); page !== 0; page = extents.take(1)) {
    extents.commit(page, PageKind.large);
    pieces.push(page);
  }
  pieces.sort((a, b) => a - b);
  for (const [i, page] of pieces.entries()) {
    if (i % 2 === 0) continue;
    extents.release(page);
    extents.withdraw(page);
  }
  for (const [i, page] of pieces.entries()) if (i % 2 === 0) extents.release(page);
  const tags = jest.spyOn(inner.region.pageMap, 'kind');
  const plans = planGrowth(inner.region, extents, pieces.length + 1, 1);
  expect(plans).toEqual([]);
  expect(tags.mock.calls.length).toBeLessThan(20 * pieces.length);
  const all = planGrowth(inner.region, extents, pieces.length, 1);
  expect(all).toHaveLength(1);
  expect(all[0]).toHaveLength(Math.floor(pieces.length / 2));
});
