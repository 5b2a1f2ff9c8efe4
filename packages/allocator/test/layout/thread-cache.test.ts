import { ENTRY, LONGEST_RUN, SHORTEST_RUN, ThreadCacheLayout } from '#src/layout/thread-cache';
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

  test('follow each other, each behind a sentinel, behind the redzone and the tops', () => {
    expect(layout.tops * 4).toBe(64);
    expect(layout.firstRun).toBe(CLASS_COUNT);
    expect(layout.stack.length).toBe(CLASS_COUNT + 1 + LONGEST_RUN - SHORTEST_RUN);
    expect(layout.runPages).toBe(layout.tops + 2 * layout.stack.length);
    let end = layout.runPages + 1;
    layout.stack.forEach((start, i) => {
      expect(start).toBe(end + ENTRY);
      end = start + ENTRY * layout.capacity[i];
    });
    expect(layout.pages).toBe(Math.ceil((end * 4) / 4096));
  });

  test('begin empty, wherever the cache lies', () => {
    for (const start of [0, 1024, 2 ** 16]) {
      const words = new Int32Array(start + layout.pages * 1024);
      layout.format(words, start);
      layout.stack.forEach((stack, i) => {
        const end = stack + ENTRY * layout.capacity[i];
        expect(words[start + layout.tops + 2 * i]).toBe(start + stack);
        expect(words[start + layout.tops + 2 * i + 1]).toBe(start + end);
      });
      const written = words.filter((word) => word !== 0).length;
      expect(written).toBe(2 * layout.stack.length); // redzone, sentinels and entries are zeros
    }
  });
});
