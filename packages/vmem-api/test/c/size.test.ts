import { SIZE_MAX, sizeOf } from '#src/c/size';

const MOST = Number.MAX_SAFE_INTEGER;

test.each([
  [0, 0],
  [100, 100],
  [MOST, MOST],
  [MOST + 1, MOST],
  [SIZE_MAX, MOST],
  [-1, MOST],
  [1.5, 1.5],
  [-1.5, -1.5],
  [Infinity, Infinity],
  [NaN, NaN],
])('%d is %d', (value, size) => {
  expect(sizeOf(value)).toBe(size);
});

test('what is no number is left as it is', () => {
  expect(sizeOf('8' as unknown as number)).toBe('8');
});
