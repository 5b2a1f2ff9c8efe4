import { ThreadCacheLayout } from '#src/layout/thread-cache';
import { CLASS_COUNT, CLASS_SIZE } from '#src/slab/size-classes';

describe.each([64, 4096, 10_000, 32_768, 1 << 20])('stacks of at most %p bytes', (cacheBytes) => {
  const layout = new ThreadCacheLayout(CLASS_SIZE, cacheBytes);

  test('hold an even number of blocks, two at least', () => {
    layout.capacity.forEach((capacity, i) => {
      expect(capacity % 2).toBe(0);
      expect(capacity).toBeGreaterThanOrEqual(2);
      expect(capacity === 2 || capacity * CLASS_SIZE[i] <= cacheBytes).toBe(true);
    });
  });

  test('follow each other behind the redzone and the heights', () => {
    let end = layout.heights + CLASS_COUNT;
    expect(layout.heights * 4).toBe(64);
    layout.stack.forEach((start, i) => {
      expect(start).toBe(end);
      end = start + layout.capacity[i];
    });
    expect(layout.pages).toBe(Math.ceil((end * 4) / 4096));
  });
});
