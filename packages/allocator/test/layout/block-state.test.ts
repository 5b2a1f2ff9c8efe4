import { FREE, LIVE, MAX_SLOTS, cachedBy, cachingSlot } from '#src/layout/block-state';

test('a byte tells free, live, and cached by each slot apart', () => {
  const states = Array.from({ length: MAX_SLOTS }, (_, slot) => cachedBy(slot));
  expect(new Set([FREE, LIVE, ...states]).size).toBe(MAX_SLOTS + 2);
  for (const [slot, state] of states.entries()) {
    expect(state).toBeLessThan(256);
    expect(cachingSlot(state)).toBe(slot);
  }
});

test('free and live blocks lie in no cache', () => {
  expect([cachingSlot(FREE), cachingSlot(LIVE)]).toEqual([-1, -1]);
});
