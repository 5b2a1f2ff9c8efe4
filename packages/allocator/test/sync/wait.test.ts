import { waitWhile } from '#src/sync/wait';

/** Milliseconds that the wait took. */
function timed(words: Int32Array, value: number, milliseconds: number): number {
  const start = performance.now();
  waitWhile(words, 0, value, milliseconds);
  return performance.now() - start;
}

test('a word that has changed already is not waited for', () => {
  expect(timed(new Int32Array(new SharedArrayBuffer(4)), 7, 5000)).toBeLessThan(2500);
});

test('a word that never changes is waited for as long as was said', () => {
  expect(timed(new Int32Array(new SharedArrayBuffer(4)), 0, 30)).toBeGreaterThan(25);
});

test('on memory that is not shared the wait is short, and no error', () => {
  const took = timed(new Int32Array(1), 0, 5000);
  expect(took).toBeGreaterThan(0.5);
  expect(took).toBeLessThan(2500);
});
