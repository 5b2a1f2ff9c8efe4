import { asPage } from '#src/base/units';
import { FreeExtents, binOfLength } from '#src/extent/free-extents';
import { MAX_PAGES, PageKind, PageMap, PageRecord } from '#src/layout/page-map';
import { Extents } from '#src/layout/region-layout';
import { randomFor, type Random } from '../support/random';

const PAGES = 20_000;

/** The index of free extents beside a brute-force model of it: page -> length. */
class Watched {
  readonly pageMap = new PageMap(new Int32Array(PAGES * PageRecord.words), PAGES);
  readonly i32 = new Int32Array(Extents.end);
  readonly index = new FreeExtents(this.i32, this.pageMap);
  readonly model = new Map<number, number>();

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

  /** Throws unless the index finds an extent that fits exactly if there is one. */
  compare(pages: number, alignment: number): void {
    const fits = (page: number, length: number): boolean =>
      Math.ceil(page / alignment) * alignment + pages <= page + length;
    const exists = [...this.model].some(([page, length]) => fits(page, length));
    const found = alignment === 1 ? this.index.find(pages) : this.index.findAligned(pages, alignment);
    const length = this.model.get(found);
    if (exists ? length === undefined || !fits(found, length) : (found as number) !== 0) {
      throw new Error(
        `${pages} pages at ${alignment}: found page ${found} of length ${length}, exists: ${exists}`,
      );
    }
  }
}

/** Extents at random places, none overlapping, of lengths of all magnitudes. */
function fill(watched: Watched, random: Random, count: number): void {
  let page = 1;
  for (let i = 0; i < count; i++) {
    page += random.between(1, 40);
    const length = random.size(1000) + 1;
    if (page + length > PAGES) return;
    watched.insert(page, length);
    page += length;
  }
}

test('bins ascend with the length', () => {
  let last = binOfLength(1);
  for (let length = 2; length < 2 ** 14; length++) {
    const bin = binOfLength(length);
    expect(bin === last || bin === last + 1).toBe(true);
    last = bin;
  }
  for (let log = 14; log <= 28; log++) {
    for (const length of [2 ** log - 1, 2 ** log, 2 ** log + 1, 2 ** log + 2 ** (log - 4)]) {
      expect(binOfLength(length)).toBeGreaterThanOrEqual(binOfLength(length - 1));
    }
  }
});

test('each length below 64 pages has a bin of its own, and the longest region has one', () => {
  const exact = Array.from({ length: 63 }, (_, i) => binOfLength(i + 1));
  expect(new Set([...exact, binOfLength(64)]).size).toBe(64);
  expect(binOfLength(MAX_PAGES)).toBeLessThan(Extents.binCount);
});

test('lengths of one bin differ by less than a sixteenth', () => {
  for (let length = 64; length < 5000; length++) {
    let shortest = length;
    while (shortest > 1 && binOfLength(shortest - 1) === binOfLength(length)) shortest--;
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
  for (const length of [1, 2, 63, 64, 65, 100, 127, 128, 4097]) {
    const watched = new Watched();
    watched.insert(7, length);
    for (let pages = 1; pages <= length + 1; pages++) watched.compare(pages, 1);
  }
});

test('of extents of less than 64 pages the tightest is found', () => {
  const watched = new Watched();
  for (const [page, length] of [
    [100, 60],
    [200, 12],
    [300, 40],
    [400, 700],
  ]) {
    watched.insert(page, length);
  }
  expect([1, 12, 13, 40, 41, 61, 64].map((pages) => watched.index.find(pages))).toEqual([
    200, 200, 300, 300, 100, 400, 400,
  ]);
});

test('an extent that fits is found if there is one, whatever comes and goes', () => {
  const random = randomFor('free extents');
  for (let round = 0; round < 8; round++) {
    const watched = new Watched();
    fill(watched, random, random.pick([1, 5, 50, 400]));
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
    }
  }
});

test('an extent is found among many of its bin that are a little too short', () => {
  const watched = new Watched();
  for (let i = 0; i < 50; i++) watched.insert(1 + i * 200, 128);
  watched.insert(15_000, 135);
  for (let i = 60; i < 70; i++) watched.insert(1 + i * 200, 128);
  expect(binOfLength(135)).toBe(binOfLength(128));
  expect(watched.index.find(135)).toBe(15_000);
});

test('a cleared index is empty', () => {
  const watched = new Watched();
  watched.insert(10, 5);
  watched.insert(20, 500);
  watched.index.clear();
  expect(watched.index.find(1)).toBe(0);
  expect(watched.i32.every((word) => word === 0)).toBe(true);
});
