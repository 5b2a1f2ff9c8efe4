import { ENTRY, LONGEST_RUN, SHORTEST_RUN, ThreadCacheLayout } from '#src/layout/thread-cache-layout';
import { CLASS_COUNT, CLASS_SIZE } from '#src/slab/size-classes';

describe.each([64, 4096, 10_000, 32_768, 1 << 20])('stacks of at most %p bytes', (cacheBytes) => {
  const layout = ThreadCacheLayout.of(CLASS_SIZE, cacheBytes);

  test('hold an even number of blocks, two at least', () => {
    layout.capacity.subarray(0, layout.firstRun).forEach((capacity, i) => {
      expect(capacity % 2).toBe(0);
      expect(capacity).toBeGreaterThanOrEqual(2);
      expect(capacity === 2 || capacity * CLASS_SIZE[i] <= cacheBytes).toBe(true);
    });
  });

  test('follow each other, those of runs first, each behind a sentinel, behind the redzone and the tops', () => {
    const { firstRun, stack, capacity } = layout;
    expect(layout.tops * 4).toBe(64);
    expect(firstRun).toBe(CLASS_COUNT);
    expect(stack.length).toBe(CLASS_COUNT + 1 + LONGEST_RUN - SHORTEST_RUN);
    expect(layout.runPages).toBe(layout.tops + 2 * stack.length);
    expect(layout.noStack).toBe(layout.runPages + 1 + ENTRY);
    let end = layout.noStack;
    for (const i of [...stack.keys()].sort((a, b) => Number(a < firstRun) - Number(b < firstRun) || a - b)) {
      expect(stack[i]).toBe(end + ENTRY);
      end = stack[i] + ENTRY * capacity[i];
    }
    expect(layout.pages).toBe(Math.ceil((end * 4) / 4096));
  });

  test('are empty or have not begun, wherever the cache lies and whatever was there', () => {
    for (const start of [0, 1024, 2 ** 16]) {
      const words = new Int32Array(start + layout.pages * 1024).fill(7);
      layout.format(words, start);
      layout.stack.forEach((stack, i) => {
        const isRun = i >= layout.firstRun;
        const top = start + (isRun ? stack : layout.noStack);
        const end = start + (isRun ? stack + ENTRY * layout.capacity[i] : layout.noStack);
        expect(words[start + layout.tops + 2 * i]).toBe(top);
        expect(words[start + layout.tops + 2 * i + 1]).toBe(end);
        expect([...words.subarray(top - ENTRY, top)]).toEqual([0, 0]);
      });
      expect(words.subarray(start, start + layout.tops).every((word) => word === 0)).toBe(true);
      expect(words[start + layout.runPages]).toBe(0);
    }
  });

  test('of which only the first page is touched', () => {
    const words = new Int32Array(layout.pages * 1024).fill(7);
    layout.format(words, 0);
    expect(words.subarray(1024).every((word) => word === 7)).toBe(true);
  });
});
