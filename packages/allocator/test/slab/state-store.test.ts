import { lineToOffset, lineToPage, type LineIndex } from '#src/base/units';
import { PageKind } from '#src/layout/page-map';
import { Extents } from '#src/layout/region-layout';
import { MAX_STATE_LINES } from '#src/slab/size-classes';
import { REDZONE_BYTE, allFree, runsPerPage } from '#src/slab/state-store';
import { newParts } from '../support/inner-parts';
import { randomFor } from '../support/random';

const RUN_LENGTHS = Array.from({ length: MAX_STATE_LINES }, (_, i) => i + 1);

const bitsOf = (runs: number): number => {
  const [low, high] = allFree(runs);
  return [low, high].reduce((sum, word) => sum + (word >>> 0).toString(2).replaceAll('0', '').length, 0);
};

test.each(RUN_LENGTHS)('a page has a bit for each run of %p lines that fits behind the redzone', (lines) => {
  expect(runsPerPage(lines) * lines).toBeLessThanOrEqual(63);
  expect((runsPerPage(lines) + 1) * lines).toBeGreaterThan(63);
  expect(bitsOf(runsPerPage(lines))).toBe(runsPerPage(lines));
});

test.each([1, 31, 32, 33, 63])('the bitmap of %p free runs has that many bits, lowest first', (runs) => {
  const [low, high] = allFree(runs);
  expect(BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt.asUintN(32, BigInt(low)))).toBe(
    2n ** BigInt(runs) - 1n,
  );
});

test('a run is zeros, whatever its place held', () => {
  const { inner, states } = newParts(1 << 20);
  const line = states.take(2);
  inner.u8.fill(0xee, lineToOffset(line), lineToOffset(line) + 128);
  states.release(line, 2);
  const again = states.take(2);
  expect(inner.u8.subarray(lineToOffset(again), lineToOffset(again) + 128).every((byte) => byte === 0)).toBe(
    true,
  );
});

test('a state page begins with an intact redzone', () => {
  const { inner, states } = newParts(1 << 20);
  const page = lineToPage(states.take(1));
  expect(inner.pageMap.kind(page)).toBe(PageKind.states);
  expect(new Set(inner.u8.subarray(page * 4096, page * 4096 + 64))).toEqual(new Set([REDZONE_BYTE]));
});

test.each(RUN_LENGTHS)('all runs of %p lines of a page are different and behind the redzone', (lines) => {
  const { states } = newParts(1 << 20);
  const taken = Array.from({ length: runsPerPage(lines) }, () => states.take(lines));
  const page = lineToPage(taken[0]);
  const covered = new Set(taken.flatMap((line) => Array.from({ length: lines }, (_, i) => line + i)));
  expect(covered.size).toBe(runsPerPage(lines) * lines);
  expect(Math.min(...covered)).toBeGreaterThan(page * 64);
  expect(Math.max(...covered)).toBeLessThan((page + 1) * 64);
  expect(lineToPage(states.take(lines))).not.toBe(page);
});

test('runs taken and released at random never overlap, and all pages come back', () => {
  const random = randomFor('state store');
  const { inner, states } = newParts(256 * 1024);
  const freePages = inner.i32[Extents.freePages];
  const taken = new Map<LineIndex, number>();
  const lineOwner = new Map<number, LineIndex>();
  for (let step = 0; step < 20_000; step++) {
    if (random.chance(step % 2000 < 1000 ? 60 : 40)) {
      const lines = random.pick(RUN_LENGTHS);
      const line = states.take(lines);
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
  expect(states.take(1)).toBe(0);
  expect(inner.i32[Extents.statePages]).toBe(0);
});
