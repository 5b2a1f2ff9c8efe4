import { FREE, MAX_SLOTS, cachedBy, cachingSlot, isLive, liveIn, slotOfState } from '#src/layout/block-state';

const SLOTS = Array.from({ length: MAX_SLOTS }, (_, slot) => slot);

test('a byte tells free, live and cached in each slot apart', () => {
  const states = [FREE, ...SLOTS.map(liveIn), ...SLOTS.map(cachedBy)];
  expect(new Set(states).size).toBe(2 * MAX_SLOTS + 1);
  for (const state of states) expect(new Uint8Array([state])[0]).toBe(state);
});

test.each(SLOTS)('states of slot %p name it, and only one of them is a block in a cache', (slot) => {
  const [live, cached] = [liveIn(slot), cachedBy(slot)];
  expect([isLive(live), slotOfState(live), cachingSlot(live)]).toEqual([true, slot, -1]);
  expect([isLive(cached), slotOfState(cached), cachingSlot(cached)]).toEqual([false, slot, slot]);
});

test('a free block is not live, and nobody has it', () => {
  expect([isLive(FREE), slotOfState(FREE), cachingSlot(FREE)]).toEqual([false, -1, -1]);
});

test('no byte names a slot that there can not be', () => {
  for (let state = 0; state < 255; state++) expect(slotOfState(state)).toBeLessThan(MAX_SLOTS);
});
